// node main.mjs [--out DIR] [--stories DIR]
// Writes tests/golden/tokenizers. The ids are those of Hugging Face's own library (Rust, through its Node binding); the
// JavaScript port and SentencePiece are asked too, and every disagreement is printed.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sentencepiece from "@agnai/sentencepiece-js";
import { Tokenizer as PortedTokenizer } from "@huggingface/tokenizers";
import { Tokenizer } from "tokenizers";
import { gpt2, gpt2PrefixSpace, llama3, qwen2 } from "./byte-level.mjs";
import { llama2, mistral } from "./sentencepiece.mjs";
import { around, texts } from "./texts.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    out: { type: "string", default: path.join(here, "../../tests/golden/tokenizers") },
    stories: { type: "string" },
  },
});

const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);
const idsOf = async (tokenizer, text, addSpecialTokens = false) => (await tokenizer.encode(text, null, { addSpecialTokens })).getIds();
const without = (tokenizer, drop) => Tokenizer.fromString(JSON.stringify({ ...tokenizer, added_tokens: tokenizer.added_tokens.filter((t) => !drop(t)) }));

// The library numbers added tokens by their place, whatever the file says: dropping one moves those behind it. Their
// contents tell which they are.
const idsWithin = async (reduced, full, text) => (await idsOf(reduced, text)).map((id) => full.tokenToId(reduced.idToToken(id)));

// Marks, controls and odd spaces are escaped: editors and normalising tools must not be able to change a text.
const jsonLine = (value) => JSON.stringify(value).replace(/[\p{M}\p{C}\p{Z}]/gu, (c) =>
  c === " " ? c : [...Array(c.length).keys()].map((i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, "0")}`).join(""));

/** Id sequences that no text gives: cut characters, lone bytes, specials in the middle. */
function idSequences(size) {
  let state = 12345;
  const next = (bound) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % bound;
  };
  // The first 259 ids are bytes in every kind (and specials in some).
  return Array.from({ length: 40 }, (_, i) => Array.from({ length: 1 + next(12) }, () => next(i % 2 ? 259 : size)));
}

async function expectations({ tokenizer, extraTexts = [] }) {
  const full = Tokenizer.fromString(JSON.stringify(tokenizer));
  const plain = without(tokenizer, (t) => t.special);
  const bare = without(tokenizer, () => true);
  const addedTokens = tokenizer.added_tokens.map((t) => t.content);
  const all = [
    ...texts,
    ...addedTokens.flatMap((token, i) => around(token, addedTokens[(i + 1) % addedTokens.length]).slice(0, i < 2 ? undefined : 8)),
    ...extraTexts,
    ...(addedTokens.includes("<\u1e43>") ? ["a<m\u0323>b", "<m\u0323>", "<tool_call>{\"name\": \"f\"}</tool_call>", "<tool_call>>>"] : []),
  ];

  const lines = [];
  for (const text of new Set(all)) {
    const ids = await idsOf(full, text);
    const line = { text, ids, decoded: await full.decode(ids, false) };
    const plainIds = await idsWithin(plain, full, text);
    const bareIds = await idsWithin(bare, full, text);
    if (!same(plainIds, ids)) {
      line.plain = plainIds;
    }
    if (!same(bareIds, plainIds)) {
      line.bare = bareIds;
    }
    lines.push(line);
  }

  for (const text of ["", "Hello world", `Hello${addedTokens[0]}world`]) {
    lines.push({ text, template: true, ids: await idsOf(full, text, true) });
  }

  for (const ids of idSequences(full.getVocabSize(true))) {
    lines.push({ ids, decoded: await full.decode(ids, false), decoded_without_special: await full.decode(ids, true) });
  }

  return lines;
}

/** What the JavaScript port says differently. */
function comparePort({ name, tokenizer, config }, lines) {
  const port = new PortedTokenizer(tokenizer, config);
  let agree = 0;
  for (const line of lines.filter((l) => l.text !== undefined)) {
    const ids = port.encode(line.text, { add_special_tokens: line.template ?? false }).ids;
    if (same(ids, line.ids)) {
      agree++;
    } else {
      console.log(`  ${name}: port differs on ${jsonLine(line.text)}: ${ids} instead of ${line.ids}`);
    }
  }
  console.log(`${name}: ${agree} of ${lines.filter((l) => l.text !== undefined).length} texts agree with the JavaScript port`);
}

async function sentencePieceLines(file, lines) {
  const processor = new sentencepiece.SentencePieceProcessor();
  await processor.load(file);
  return lines.filter((l) => l.text !== undefined && !l.template).map(({ text, ids, plain }) => {
    const found = [...processor.encodeIds(text)];
    if (!same(found, plain ?? ids)) {
      console.log(`  SentencePiece differs on ${jsonLine(text)}: ${found} instead of ${plain ?? ids}`);
    }
    return { text, ids: found };
  });
}

function write(folder, file, content) {
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, file), content);
}

const writeLines = (folder, file, lines) => write(folder, file, lines.map((l) => `${jsonLine(l)}\n`).join(""));

for (const kind of [llama3(), qwen2(), llama2(), mistral(), gpt2(), gpt2PrefixSpace()]) {
  const folder = path.join(options.out, kind.name);
  write(folder, "tokenizer.json", `${JSON.stringify(kind.tokenizer, null, 1)}\n`);
  write(folder, "tokenizer_config.json", `${JSON.stringify(kind.config, null, 2)}\n`);
  const lines = await expectations(kind);
  writeLines(folder, "expected.jsonl", lines);
  comparePort(kind, lines);
  if (kind.sentencePieceModel) {
    write(folder, "tokenizer.model", kind.sentencePieceModel);
    writeLines(folder, "expected-sentencepiece.jsonl", await sentencePieceLines(path.join(folder, "tokenizer.model"), lines));
  }
}

if (options.stories) {
  const read = (file) => JSON.parse(fs.readFileSync(path.join(options.stories, file), "utf8"));
  const kind = { name: "stories260k", tokenizer: read("tokenizer.json"), config: read("tokenizer_config.json") };
  const lines = await expectations(kind);
  const folder = path.join(options.out, kind.name);
  writeLines(folder, "expected.jsonl", lines);
  comparePort(kind, lines);
  writeLines(folder, "expected-sentencepiece.jsonl", await sentencePieceLines(path.join(options.stories, "tokenizer.model"), lines));
}
