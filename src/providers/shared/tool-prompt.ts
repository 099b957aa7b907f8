/**
 * Claude is told how to call tools, and in which format to answer, by text that stands in no request: 530 tokens at
 * most where documented (https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview#pricing).
 */
export const toolPromptTokens = 600;
