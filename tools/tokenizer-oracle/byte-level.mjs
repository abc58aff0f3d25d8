// Tokenizers over bytes: GPT-2, Llama 3, Qwen2.

import { learnMerges } from "./bpe-trainer.mjs";
import { corpus, wholeWords } from "./corpus.mjs";

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const llama3Pattern = `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const qwenPattern = `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const gpt2Pattern = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

// GPT-2's stand-ins: printable Latin-1 bytes are themselves, the others follow from U+0100 in order.
const printable = (b) => (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
const alphabet = [];
for (let b = 0, next = 0x100; b < 256; b++) {
  alphabet.push(String.fromCharCode(printable(b) ? b : next++));
}

const toSymbols = (text) => [...new TextEncoder().encode(text)].map((b) => alphabet[b]).join("");

const added = (id, content, flags = {}) => ({
  id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...flags,
});

/** Merges are written as pairs since tokenizers 0.20 and as "left right" before. */
function build({ pattern, mergeCount, whole = [], tokens, inVocabulary = [], normalizer = null, preTokenizer, postProcessor, model = {}, mergesAsPairs }) {
  const words = corpus.normalize("NFC").match(new RegExp(pattern.replace(contractions, "'[sS]|'[tT]|'re|'ve|'m|'ll|'d"), "gu")).map(toSymbols);
  const merges = learnMerges(words, mergeCount);
  const pieces = [...[...alphabet].sort(), ...merges.map((m) => m.join("")), ...whole.map(toSymbols), ...inVocabulary];
  const vocab = Object.fromEntries([...new Set(pieces)].map((piece, id) => [piece, id]));
  let id = Object.keys(vocab).length;
  const addedTokens = tokens.map(([content, flags]) => added(vocab[content] ?? id++, content, flags));
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens,
    normalizer,
    pre_tokenizer: preTokenizer,
    post_processor: postProcessor(addedTokens),
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ...model,
      vocab,
      merges: mergesAsPairs ? merges : merges.map((m) => m.join(" ")),
    },
  };
}

const byteLevel = (flags) => ({ type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: true, ...flags });

const splitThenBytes = (pattern) => ({
  type: "Sequence",
  pretokenizers: [
    { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false },
    byteLevel({ use_regex: false }),
  ],
});

export const llama3 = () => ({
  name: "llama3",
  tokenizer: build({
    pattern: llama3Pattern,
    mergeCount: 480,
    whole: wholeWords,
    mergesAsPairs: true,
    model: { ignore_merges: true },
    preTokenizer: splitThenBytes(llama3Pattern),
    tokens: [["<|begin_of_text|>"], ["<|end_of_text|>"], ["<|start_header_id|>"], ["<|end_header_id|>"], ["<|eot_id|>"]],
    postProcessor: ([begin]) => ({
      type: "Sequence",
      processors: [
        byteLevel({ add_prefix_space: true }),
        {
          type: "TemplateProcessing",
          single: [{ SpecialToken: { id: begin.content, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
          pair: [
            { SpecialToken: { id: begin.content, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } },
            { SpecialToken: { id: begin.content, type_id: 1 } }, { Sequence: { id: "B", type_id: 1 } },
          ],
          special_tokens: { [begin.content]: { id: begin.content, ids: [begin.id], tokens: [begin.content] } },
        },
      ],
    }),
  }),
  config: { tokenizer_class: "PreTrainedTokenizerFast", bos_token: "<|begin_of_text|>", eos_token: "<|end_of_text|>", clean_up_tokenization_spaces: true, model_max_length: 512 },
});

export const qwen2 = () => ({
  name: "qwen2",
  tokenizer: build({
    pattern: qwenPattern,
    mergeCount: 420,
    normalizer: { type: "NFC" },
    preTokenizer: splitThenBytes(qwenPattern),
    tokens: [
      ["<|endoftext|>"], ["<|im_start|>"], ["<|im_end|>"],
      ["<tool_call>", { special: false }], ["</tool_call>", { special: false }], ["<tool_call>>", { special: false }],
      // Compared with the text after normalisation, unlike all others.
      ["<\u1e43>", { special: false, normalized: true }],
    ],
    postProcessor: () => byteLevel(),
  }),
  config: { tokenizer_class: "Qwen2Tokenizer", add_bos_token: false, add_prefix_space: false, bos_token: null, eos_token: "<|im_end|>", pad_token: "<|endoftext|>", unk_token: null, clean_up_tokenization_spaces: false, errors: "replace", model_max_length: 512 },
});

export const gpt2 = () => ({
  name: "gpt2",
  tokenizer: build({
    pattern: gpt2Pattern,
    mergeCount: 300,
    inVocabulary: ["<|endoftext|>"],
    preTokenizer: byteLevel({ trim_offsets: true }),
    tokens: [["<|endoftext|>"]],
    postProcessor: () => byteLevel({ add_prefix_space: true }),
  }),
  config: { tokenizer_class: "GPT2Tokenizer", add_prefix_space: false, bos_token: "<|endoftext|>", eos_token: "<|endoftext|>", unk_token: "<|endoftext|>", model_max_length: 512 },
});

/** With a space before the text, and with the flags of added tokens that the others leave alone. */
export const gpt2PrefixSpace = () => ({
  name: "gpt2-prefix-space",
  tokenizer: build({
    pattern: gpt2Pattern,
    mergeCount: 300,
    inVocabulary: ["<|endoftext|>"],
    preTokenizer: byteLevel({ add_prefix_space: true, trim_offsets: true }),
    tokens: [["<|endoftext|>"], ["<mask>", { lstrip: true }], ["<sep>", { rstrip: true }], ["token", { special: false, single_word: true }]],
    postProcessor: () => byteLevel({ add_prefix_space: true }),
  }),
  config: { tokenizer_class: "GPT2Tokenizer", add_prefix_space: true, bos_token: "<|endoftext|>", eos_token: "<|endoftext|>", unk_token: "<|endoftext|>", model_max_length: 512 },
  extraTexts: ["a <mask> b", "a  <mask>  b", "\n <mask>", "a <sep> b", "a  <sep>  b", "<sep>\n\nb", "<mask><sep> <mask>", "token", "a token b", "tokens", "a_token", "token's", "(token)", "xtoken token", "token token"],
});
