// What the merges are learned from: enough of every script that merges cross bytes and letters, little enough that
// most words stay in pieces.

export const corpus = `
The river rises in the hills above the old town, runs past the mill and the market, and meets the sea two days later.
In the morning the baker opens the door, lights the oven and sets out the bread. The smell goes down the whole street.
Every evening the children come home from the school on the hill, and every evening the dog waits for them at the gate.
She asked where the key was. He said that it was in the drawer, under the letters, where it had always been.
It's not that they don't know; they've simply never been asked, and I'd say you're the first who'll try.
A machine that reads a page of text first cuts it into pieces, and then gives every piece a number.
The weather was good, the road was dry, and nothing at all went wrong until the third day of the journey.
There were 12 apples, 24 pears and 365 nuts in the basket; by 1999 there would be 2048, and by 2026 none.
The price is 3.50 a piece, or 1,250,000 for the whole lot; the discount is 15% until the 31st of December.
Nobody remembers who built the bridge. Somebody must have carried the stones, one after another, through the water.
public static int Sum(int[] values) { int sum = 0; foreach (int value in values) { sum += value; } return sum; }
def read(path):
    with open(path) as file:
        return [line.strip() for line in file if line]
for (let i = 0; i < 10; i++) { console.log("value: " + i); }
if (x == null) { throw new ArgumentNullException(nameof(x)); } // never happens
SELECT name, count(*) FROM items WHERE price > 100 GROUP BY name ORDER BY count(*) DESC;
{"name": "value", "list": [1, 2, 3], "nested": {"true": false, "null": null}}
Der Fluss entspringt in den Hügeln über der alten Stadt. Die Straße führt über die Brücke zum Markt, wo größere Häuser stehen.
Le garçon a mangé une crêpe à la fenêtre de l'hôtel, où l'été dernier déjà il était resté très tard.
El niño pequeño soñó con una montaña; mañana irá a España en avión.
Река начинается в холмах над старым городом и течёт мимо мельницы и рынка к морю.
Ο ποταμός πηγάζει στους λόφους πάνω από την παλιά πόλη και φτάνει στη θάλασσα.
河流从老城上方的山丘流出，经过磨坊和市场，两天后流入大海。今天天气很好，我们去学校。
川は古い町の上の丘から流れ、水車と市場を通って、二日後に海に着きます。
강은 오래된 마을 위의 언덕에서 시작되어 바다로 흘러갑니다. 오늘은 날씨가 좋습니다.
ينبع النهر من التلال فوق المدينة القديمة ويمر بالسوق ثم يصل إلى البحر.
नदी पुराने शहर के ऊपर की पहाड़ियों से निकलती है और समुद्र में मिलती है।
🙂 🎉 🚀 🙂 🎉 👍 ❤️
`;

// Words that the byte-level kind with ignore_merges holds whole although no merge leads to them.
export const wholeWords = [" international", " straightforward", "Hello", " 世界", " zzzzzz"];
