/** Written by `bundle.mjs`. */
declare module "*/console-assets.mjs" {
  export const script: string;
  export const styles: string;
  export const scriptHash: string;
  export const stylesHash: string;
}
