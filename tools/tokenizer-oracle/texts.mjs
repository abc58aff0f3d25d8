// The texts whose ids are recorded. All of them are our own.

const prose = [
  "",
  "a",
  "Hello world",
  "Hello, world! How are you today?",
  "The quick brown animal jumps over the lazy one.",
  "The river rises in the hills above the old town.",
  "an international and straightforward agreement",
  "International Hello hello HELLO",
  "It's five o'clock; they've gone, we'll wait, I'd say you're late and I'm not, aren't we?",
  "IT'S THEY'VE WE'LL I'D YOU'RE I'M DON'T",
  "it'S he'Ll 'tis 'S 'twas rock'n'roll ''s '' '",
  "it\u2019s curly \u2018quotes\u2019 and \u201cdouble\u201d ones",
  "it'\u017f a long s, and a \u212aelvin sign",
  "semi-detached, well-known; e.g. i.e. etc. (see p. 12, fig. 3a)...",
  "What?! No... yes!!! --- ok -- fine; [sic] {braces} <angle> /slash\\ |pipe| ~tilde~ `tick` ^ & * % $ # @ _under_score_",
  "UPPER lower Title camelCase PascalCase snake_case kebab-case SCREAMING_SNAKE",
  "antidisestablishmentarianism supercalifragilistic",
  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  "zzzzzz zzzzzz\nzzzzzz",
];

const numbers = [
  "0", "7", "42", "365", "1999", "12345", "1234567890", "3.14159", "1,000,000.50", "-17", "+1 (555) 010-9999",
  "1st 2nd 3rd 21st", "2026-11-23T14:05:09.123Z", "0xDEADBEEF 0b1010 1e-9 6.02E23", "15% of 80 is 12", "x2 y10 z100 v1.2.3",
  "½ ¾ ² ³ ⅷ Ⅻ ① 一二三 ٠١٢٣ ०१२ 𝟘𝟙𝟚",
];

const code = [
  "int main(void) {\n    return 0;\n}\n",
  "def f(x, *args, **kwargs):\n\treturn [y ** 2 for y in args if y != x]\n",
  "for (int i = 0; i < n; ++i) { a[i] += b[i] * c; }",
  "public sealed record Point(int X, int Y);\r\n\r\n// end\r\n",
  "SELECT * FROM t WHERE a >= 1 AND b <> 'x' ORDER BY c DESC;",
  "{\"key\": [1, 2.5, null, true], \"s\": \"a\\nb\\u00e9\"}",
  "<html><body class=\"x\">&nbsp;&lt;b&gt;</body></html>",
  "#!/bin/sh\nset -eu\necho \"$HOME\" | sed 's/a/b/g' > /dev/null 2>&1",
  "https://example.org/a/b?c=d&e=f#g someone@example.org C:\\Temp\\x.txt",
  "x = a->b::c(d)[e]?.f!.g ?? h => i ... &&= ||= >>>= !== ===",
  "\\frac{a}{b} \\sum_{i=0}^{n} x_i^2 \\alpha",
];

const spaces = [
  " ", "  ", "   ", "        ", "\t", "\n", "\r", "\r\n", "\n\n", "\n\n\n", " \n", "\n ", " \n \n  \n", "\t\t\n",
  " leading", "  leading two", "   leading three", "trailing ", "trailing  ", "trailing\n", " both ", "a  b", "a   b    c",
  "a\tb\t\tc", "line one\nline two\n\nline four", "a\r\nb\rc\n", "a \n b", "a\n  b\n    c\n\td",
  "word \t \n word", "    if x:\n        y = 1\n\n\n    else:\n        z = 2   \n",
  "no\u00a0break, em\u2003space, thin\u2009space, ideographic\u3000space, ogham\u1680space",
  "next\u0085line, line\u2028separator, paragraph\u2029separator, vertical\u000btab, form\u000cfeed",
  "zero\u200bwidth, joiner\u200d, bom\ufeffhere, soft\u00adhyphen, word\u2060joiner, \u180e mongolian",
  "\u2581", "\u2581lower\u2581block \u2581 ", "a\u2581b",
];

const scripts = [
  "Der Fluss fließt über die große Brücke. ÄÖÜ äöü ß ẞ",
  "Où est l'hôtel ? À côté de la crêperie, là-bas.",
  "¿Dónde está el niño? ¡Mañana!",
  "Zażółć gęślą jaźń; Příliš žluťoučký kůň; İstanbul ılık",
  "Река течёт к морю. Съешь ещё этих булок.",
  "Ο ποταμός πηγάζει στους λόφους. Ἀρχὴ ἥμισυ παντός",
  "河流从老城上方的山丘流出。今天天气很好！Hello 世界",
  "川は古い町から流れます。カタカナ ﾊﾝｶｸ ｶﾞ 漢字かな交じり文",
  "강은 바다로 흘러갑니다. 한글 \u1112\u1161\u11ab",
  "ينبع النهر من التلال. اَلْعَرَبِيَّةُ ١٢٣",
  "נהר זורם אל הים. שָׁלוֹם",
  "नदी समुद्र में मिलती है। क्षत्रिय ज्ञान",
  "แม่น้ำไหลลงทะเล",
  "தமிழ் আমার বাংলা ქართული Հայերեն አማርኛ",
  "mixed: abcабвαβγ漢字かなאבג١٢٣",
  "𠀀𠀁 𝒜𝓑𝒸 𞤀𞤣 𐍈 𐐷x",
  "ＦＵＬＬ ｗｉｄｔｈ １２３ ！",
];

const composition = [
  "caf\u00e9 cafe\u0301",
  "e\u0301 e\u0301\u0323 e\u0323\u0301 \u1eb9\u0301",
  "A\u030a \u00c5 \u212b",
  "n\u0303 \u00f1 N\u0303",
  "\u1100\u1161\u11a8 \uac01 \uac00\u11a8",
  "\u0301 alone, x\u0300\u0301\u0302\u0303\u0304",
  "\ufb01 ligature \u2126 ohm \u00b5 micro \u03bc mu",
  "\u0958 \u0915\u093c \u0928\u093c",
  "q\u0307\u0323 q\u0323\u0307",
];

const emoji = [
  "🙂", "🙂🙂🙂", "Great! 🎉🚀", "👍🏽 👩‍💻 👨‍👩‍👧‍👦", "🏳️‍🌈 🇫🇷🇯🇵 1️⃣ ❤️ ☺", "a🙂b🎉c", "🫠 🪿 \u{1f9ff}", "→ ⇒ ∀x∈ℝ ≤ ≠ ∞ √2 °C € £ ¥ ©®™ ▁▂▃ █ ─┼─",
];

const controls = [
  "\u0000", "a\u0000b", "\u0001\u0002\u001b[31mred\u001b[0m\u007f", "\u0080\u009f \u00ff", "\ufffd \ufffe \uffff", "\u{10ffff}\u{e0001}\u{f0000} \ue000",
  "\u202eright to left\u202c \u2066isolate\u2069",
];

const turns = [
  "User: What is 2 + 2?\nAssistant: 4.\nUser: And 3 * 7?\nAssistant: 21.",
  "# Title\n\n- item one\n- item *two*\n\n```python\nprint(\"hi\")\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
  "<s", "</s", "<unk", "<0x41>", "<0x0A>\n<0xZZ>", "<|", "<|im_start", "|>", "<|endoftext", "< s > <S>",
];

export const texts = [...prose, ...numbers, ...code, ...spaces, ...scripts, ...composition, ...emoji, ...controls, ...turns];

// The same again around the added tokens of one tokenizer.
export const around = (token, other) => [
  token,
  `${token}${token}`,
  `${token}Hello world`,
  `${token} Hello world`,
  `Hello${token}world`,
  `Hello ${token} world`,
  `Hello  ${token}  world`,
  `Hello world${token}`,
  ` ${token}`,
  `${token} `,
  `\n${token}\n`,
  `${token}${other}`,
  `${token} ${other} ${token}`,
  `one${token}two${other}three`,
  `${token.slice(0, -1)}`,
  `${token.slice(0, -1)}${token}`,
  `${token.slice(1)}`,
  `x${token}'s 12345${other}'re`,
  `e${token}\u0301`,
  `${token.toUpperCase()} ${token.toLowerCase()}`,
];
