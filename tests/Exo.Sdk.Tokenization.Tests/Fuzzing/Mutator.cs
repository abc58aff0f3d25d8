using System.Text;

namespace Exo.Sdk.Tokenization.Tests.Fuzzing;

/// <summary>Damages texts at random: pieces go, come twice or very often, change places, or come out of another text.</summary>
internal sealed class Mutator(Random random, IReadOnlyList<string> pieces)
{
    private const int MaxLength = 200_000;

    /// <summary>A text with some damage.</summary>
    /// <param name="text">The text.</param>
    /// <param name="other">Where foreign pieces come from.</param>
    public string Damage(string text, string other)
    {
        StringBuilder damaged = new(text);
        for (int times = 1 + random.Next(4); times > 0 && damaged.Length > 0; times--)
        {
            int start = random.Next(damaged.Length), length = Math.Min(random.Next(2) == 0 ? 1 + random.Next(4) : random.Next(200), damaged.Length - start);
            switch (random.Next(7))
            {
                case 0:
                    damaged.Remove(start, length);
                    break;
                case 1:
                    damaged.Insert(start, damaged.ToString(start, length));
                    break;
                case 2:
                    string piece = random.Next(2) == 0 ? damaged.ToString(start, length) : pieces[random.Next(pieces.Count)];
                    damaged.Insert(start, new StringBuilder().Insert(0, piece, Math.Min(random.Next(20_000), MaxLength / Math.Max(piece.Length, 1))));
                    break;
                case 3:
                    int from = random.Next(other.Length + 1);
                    damaged.Insert(start, other.AsSpan(from, Math.Min(random.Next(200), other.Length - from)));
                    break;
                case 4:
                    damaged[start] = (char)random.Next(random.Next(4) == 0 ? 0x10000 : 0x80);
                    break;
                case 5:
                    damaged.Remove(start, length).Insert(start, pieces[random.Next(pieces.Count)]);
                    break;
                default:
                    damaged.Insert(start, pieces[random.Next(pieces.Count)]);
                    break;
            }
        }

        return damaged.ToString();
    }
}
