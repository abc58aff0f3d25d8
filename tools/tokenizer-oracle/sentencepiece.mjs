// Tokenizers in the manner of SentencePiece BPE: Llama 2, Mistral. The same pieces make a tokenizer.json of the older form
// (normalizer), one of the newer form (Metaspace), and a tokenizer.model.

import { learnMerges } from "./bpe-trainer.mjs";
import { corpus } from "./corpus.mjs";

const marker = "\u2581";
const specials = ["<unk>", "<s>", "</s>"];

/** Pieces in order of their ids: specials, bytes, merged pieces by rank, runs of spaces, single characters. */
function learnPieces() {
  const words = corpus.split(/\n/).filter(Boolean).flatMap((line) => ` ${line}`.replaceAll(" ", marker).match(/\u2581?[^\u2581]+|\u2581/gu));
  // A piece never joins a digit with anything, as Llama's split_digits has it.
  const parts = words.flatMap((word) => word.split(/(?<=\p{Nd})|(?=\p{Nd})/u));
  const merged = [...new Set(learnMerges(parts, 420).map((m) => m.join("")))];
  const runs = [2, 4, 8].map((n) => marker.repeat(n));
  const counts = new Map();
  for (const c of words.join("")) {
    counts.set(c, (counts.get(c) ?? 0) + 1);
  }

  // Characters that are rare in the corpus have no piece: byte fallback has to carry them. Those inside a merged piece must
  // have one, as in every model that SentencePiece trains, or the merges could not be derived from the pieces.
  const ascii = Array.from({ length: 0x7f - 0x21 }, (_, i) => String.fromCharCode(0x21 + i));
  const characters = [...new Set([marker, ...ascii, ...merged.join(""), ...[...counts].filter(([, n]) => n >= 5).map(([c]) => c)])]
    .sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || (a < b ? -1 : 1));
  return [...new Set([...merged, ...runs, ...characters])];
}

const pieces = learnPieces();
const bytePieces = Array.from({ length: 256 }, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, "0")}>`);
const vocabulary = [...specials, ...bytePieces, ...pieces];
const ids = new Map(vocabulary.map((piece, id) => [piece, id]));

/**
 * SentencePiece joins any two neighbours whose union is a piece, best piece first. As merges: every way to cut a piece in two,
 * ranked by the piece.
 */
function derivedMerges() {
  return pieces.flatMap((piece) => {
    const symbols = [...piece];
    const cuts = symbols.slice(1).map((_, i) => [symbols.slice(0, i + 1).join(""), symbols.slice(i + 1).join("")]);
    return cuts
      .filter(([left, right]) => ids.has(left) && ids.has(right))
      .sort((a, b) => ids.get(a[0]) - ids.get(b[0]) || ids.get(a[1]) - ids.get(b[1]));
  });
}

function build({ normalizer, preTokenizer, mergesAsPairs }) {
  const begin = { SpecialToken: { id: "<s>", type_id: 0 } };
  const merges = derivedMerges();
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, id) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })),
    normalizer,
    pre_tokenizer: preTokenizer,
    post_processor: {
      type: "TemplateProcessing",
      single: [begin, { Sequence: { id: "A", type_id: 0 } }],
      pair: [begin, { Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "<s>", type_id: 1 } }, { Sequence: { id: "B", type_id: 1 } }],
      special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } },
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: marker }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: "<unk>",
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(ids),
      merges: mergesAsPairs ? merges : merges.map((m) => m.join(" ")),
    },
  };
}

const config = { tokenizer_class: "LlamaTokenizer", add_bos_token: true, add_eos_token: false, bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>", clean_up_tokenization_spaces: false, model_max_length: 512 };

export const llama2 = () => ({
  name: "llama2",
  tokenizer: build({
    normalizer: {
      type: "Sequence",
      normalizers: [{ type: "Prepend", prepend: marker }, { type: "Replace", pattern: { String: " " }, content: marker }],
    },
    preTokenizer: null,
    mergesAsPairs: false,
  }),
  config: { ...config, legacy: true },
  sentencePieceModel: writeModel(),
});

export const mistral = () => ({
  name: "mistral",
  tokenizer: build({
    normalizer: null,
    preTokenizer: { type: "Metaspace", replacement: marker, prepend_scheme: "first", split: false },
    mergesAsPairs: true,
  }),
  config: { ...config, legacy: false },
});

// sentencepiece_model.proto, the fields that matter to a BPE model with byte fallback.
function writeModel() {
  const Normal = 1, Unknown = 2, Control = 3, Byte = 6;
  const type = (piece, id) => (id === 0 ? Unknown : id < specials.length ? Control : id < specials.length + 256 ? Byte : Normal);
  const score = (id) => (id < specials.length + 256 ? 0 : -(id - specials.length - 256));
  const entries = vocabulary.map((piece, id) =>
    message(1, [text(1, piece), float(2, score(id)), varint(3, type(piece, id))]));
  const trainer = message(2, [
    varint(3, 2), varint(4, vocabulary.length), varint(35, 1),
    varint(40, 0), varint(41, 1), varint(42, 2), varint(43, -1),
    text(45, "<unk>"), text(46, "<s>"), text(47, "</s>"),
  ]);
  const normalizer = message(3, [text(1, "identity"), varint(3, 1), varint(4, 0), varint(5, 1)]);
  return Buffer.concat([...entries, trainer, normalizer]);
}

function base128(value) {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes = [];
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

const key = (field, wireType) => base128(field * 8 + wireType);
const varint = (field, value) => Buffer.concat([key(field, 0), base128(value)]);
const chunk = (field, bytes) => Buffer.concat([key(field, 2), base128(bytes.length), bytes]);
const text = (field, value) => chunk(field, Buffer.from(value, "utf8"));
const message = (field, parts) => chunk(field, Buffer.concat(parts));
function float(field, value) {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([key(field, 5), bytes]);
}
