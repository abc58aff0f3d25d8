// Byte-pair encoding (Sennrich et al.): join the most frequent neighbours, again and again.

/**
 * @param {string[]} words the text, cut where a merge must not cross; each word a string of symbols of one code point
 * @param {number} count number of merges
 * @returns {[string, string][]} merges in the order they were learned; ties go to the pair that sorts first
 */
export function learnMerges(words, count) {
  const counts = new Map();
  for (const word of words) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }

  const entries = [...counts].map(([word, n]) => ({ symbols: [...word], n }));
  const merges = [];
  while (merges.length < count) {
    const pairs = new Map();
    for (const { symbols, n } of entries) {
      for (let i = 0; i + 1 < symbols.length; i++) {
        const key = `${symbols[i]}\u0000${symbols[i + 1]}`;
        pairs.set(key, (pairs.get(key) ?? 0) + n);
      }
    }

    const [best] = [...pairs].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    if (!best || best[1] < 2) {
      break;
    }

    const [left, right] = best[0].split("\u0000");
    merges.push([left, right]);
    for (const entry of entries) {
      entry.symbols = join(entry.symbols, left, right);
    }
  }

  return merges;
}

function join(symbols, left, right) {
  const joined = [];
  for (let i = 0; i < symbols.length; i++) {
    if (symbols[i] === left && symbols[i + 1] === right) {
      joined.push(left + right);
      i++;
    } else {
      joined.push(symbols[i]);
    }
  }

  return joined;
}
