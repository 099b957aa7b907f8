/** LiteLLM's management lives beside the OpenAI-shaped API, whose base may have been given with its `/v1`. */
export const litellmRoot = (baseUrl: string): string => baseUrl.replace(/\/+$/, "").replace(/\/v1$/, "");
