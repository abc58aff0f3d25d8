using System.Globalization;
using System.Text;

namespace Exo.Sdk.Tokenization.Unicode;

/// <summary>
/// The four Unicode normalization forms (UAX #15) from a table of our own. <see cref="string.Normalize()"/> does
/// nothing on Linux when globalisation is invariant and follows the host's ICU otherwise; token ids may depend on
/// neither.
/// </summary>
internal static class Normalization
{
    private const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TrailBase = 0x11A7;
    private const int VowelCount = 21, TrailCount = 28, HangulCount = 19 * VowelCount * TrailCount;

    private static readonly Lazy<Table> Data = new(Table.Load);

    /// <summary>Normalizes a well-formed text.</summary>
    public static string Apply(string text, NormalizationForm form)
    {
        // Nothing below these changes in any text: the quick way out for the common case.
        char safe = form switch
        {
            NormalizationForm.FormC => '\u0300',
            NormalizationForm.FormD => '\u00C0',
            _ => '\u00A0',
        };
        if (!text.AsSpan().ContainsAnyExceptInRange('\0', (char)(safe - 1)))
        {
            return text;
        }

        Table table = Data.Value;
        bool compatible = form is NormalizationForm.FormKC or NormalizationForm.FormKD;
        List<int> codePoints = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            Decompose(table, rune.Value, compatible, codePoints);
        }

        Order(table, codePoints);
        if (form is NormalizationForm.FormC or NormalizationForm.FormKC)
        {
            Compose(table, codePoints);
        }

        StringBuilder result = new(codePoints.Count);
        foreach (int codePoint in codePoints)
        {
            if (codePoint < 0x10000)
            {
                result.Append((char)codePoint);
            }
            else
            {
                result.Append(char.ConvertFromUtf32(codePoint));
            }
        }

        return result.ToString();
    }

    private static void Decompose(Table table, int codePoint, bool compatible, List<int> output)
    {
        int syllable = codePoint - HangulBase;
        if (syllable is >= 0 and < HangulCount)
        {
            output.Add(LeadBase + (syllable / (VowelCount * TrailCount)));
            output.Add(VowelBase + (syllable % (VowelCount * TrailCount) / TrailCount));
            if (syllable % TrailCount is > 0 and int trail)
            {
                output.Add(TrailBase + trail);
            }
        }
        else if (table.Mappings.TryGetValue(codePoint, out Mapping mapping) && (compatible || !mapping.IsCompatible))
        {
            foreach (int part in mapping.Parts)
            {
                Decompose(table, part, compatible, output);
            }
        }
        else
        {
            output.Add(codePoint);
        }
    }

    // Canonical ordering: within a run of combining marks, a stable sort by class.
    private static void Order(Table table, List<int> codePoints)
    {
        List<(int Class, int CodePoint)> run = [];
        for (int i = 0; i < codePoints.Count;)
        {
            int start = i;
            run.Clear();
            for (; i < codePoints.Count && table.Class(codePoints[i]) is > 0 and int c; i++)
            {
                run.Add((c, codePoints[i]));
            }

            if (run.Count > 1)
            {
                int at = start;
                foreach ((_, int codePoint) in run.OrderBy(static r => r.Class))
                {
                    codePoints[at++] = codePoint;
                }
            }

            i += run.Count == 0 ? 1 : 0;
        }
    }

    private static void Compose(Table table, List<int> codePoints)
    {
        int starter = -1, lastClass = 0, kept = 0;
        for (int i = 0; i < codePoints.Count; i++)
        {
            int codePoint = codePoints[i], combining = table.Class(codePoint);
            bool blocked = starter >= 0 && kept - 1 > starter && (lastClass == 0 || lastClass >= combining);
            if (starter >= 0 && !blocked && Pair(table, codePoints[starter], codePoint) is { } composed)
            {
                codePoints[starter] = composed;
                continue;
            }

            if (combining == 0)
            {
                starter = kept;
            }

            lastClass = combining;
            codePoints[kept++] = codePoint;
        }

        codePoints.RemoveRange(kept, codePoints.Count - kept);
    }

    private static int? Pair(Table table, int first, int second)
    {
        int lead = first - LeadBase, vowel = second - VowelBase;
        if (lead is >= 0 and < 19 && vowel is >= 0 and < VowelCount)
        {
            return HangulBase + (((lead * VowelCount) + vowel) * TrailCount);
        }

        int syllable = first - HangulBase, trail = second - TrailBase;
        if (syllable is >= 0 and < HangulCount && syllable % TrailCount == 0 && trail is > 0 and < TrailCount)
        {
            return first + trail;
        }

        return table.Compositions.TryGetValue((first, second), out int composed) ? composed : null;
    }

    private readonly record struct Mapping(int[] Parts, bool IsCompatible);

    private sealed class Table
    {
        private readonly Dictionary<int, byte> _classes = [];

        public Dictionary<int, Mapping> Mappings { get; } = [];

        public Dictionary<(int First, int Second), int> Compositions { get; } = [];

        public int Class(int codePoint) => codePoint < 0x300 ? 0 : _classes.GetValueOrDefault(codePoint);

        public static Table Load()
        {
            Table table = new();
            using Stream stream = typeof(Table).Assembly.GetManifestResourceStream("Exo.Sdk.Tokenization.Unicode.normalization.txt")!;
            using StreamReader reader = new(stream);
            while (reader.ReadLine() is { } line)
            {
                if (line[0] != '#')
                {
                    table.Add(line);
                }
            }

            return table;
        }

        private void Add(string line)
        {
            string[] fields = line.Split(';');
            int codePoint = Hex(fields[0]);
            byte combining = byte.Parse(fields[1], CultureInfo.InvariantCulture);
            if (combining > 0)
            {
                _classes.Add(codePoint, combining);
            }

            string mapping = fields[2];
            if (mapping.Length == 0)
            {
                return;
            }

            bool compatible = mapping[0] == '~', excluded = mapping[0] == '!';
            int[] parts = [.. mapping.TrimStart('~', '!').Split(' ').Select(Hex)];
            Mappings.Add(codePoint, new Mapping(parts, compatible));
            if (!compatible && !excluded)
            {
                Compositions.Add((parts[0], parts[1]), codePoint);
            }
        }

        private static int Hex(string digits) => int.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
