/** The version of the product, and of the API document. `build.mjs` holds it to package.json's. */
export const version = "1.0.0";
