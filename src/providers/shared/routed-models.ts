/**
 * OpenRouter's names of models that bring in what the request does not hold: a search, a stored prompt, a panel of models.
 * They mean the same behind a custom address, and behind LiteLLM's `openrouter/`.
 */
export const unboundedRoutedModel = /:online\b|@preset\/|(^|\/)openrouter\/fusion\b/i;
