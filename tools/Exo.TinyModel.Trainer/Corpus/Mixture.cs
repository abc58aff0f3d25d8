namespace Exo.TinyModel.Trainer.Corpus;

/// <summary>The stream of training documents: an endless, seeded mixture of stories, lists of statements and chats.</summary>
internal static class Mixture
{
    private static readonly string[] SystemTurns =
    [
        "You are a helpful assistant.", "You are exo-tiny, a small language model.", "You are a friendly assistant.", "You are a kind teacher.", "Be helpful.", "You are exo-tiny.", "Answer the questions of the user.", "You are a helpful assistant. Be friendly.",
    ];

    private static readonly string[] BriefSystemTurns =
        ["Answer with one word.", "Answer in one word.", "Give only the answer.", "Be brief. Give only the answer.", "Answer as briefly as you can.", "Reply with the answer only."];

    /// <summary>Every kind of question, with how often it is asked in chats.</summary>
    public static readonly (ITopic Topic, double Share)[] Topics =
    [
        (new SumTopic('+', 20), 0.18),
        (new SumTopic('-', 20), 0.18),
        (new NeighbourTopic(), 0.04),
        (new SmallTalkTopic(), 0.12),
        (new UnknownTopic(), 0.03),
        .. Facts.All.Select(topic => ((ITopic)topic, 0.45 * topic.Count / Facts.All.Sum(other => other.Count))),
    ];

    public static IEnumerable<Document> Documents(ulong seed)
    {
        var dice = new Dice(seed);
        while (true)
        {
            yield return dice.Uniform() switch
            {
                < 0.10 => Document.Plain(Stories.Draw(dice).Text),
                < 0.26 => StoryChat(dice),
                < 0.42 => Statements(dice, Topics[..2], 14),
                < 0.56 => Statements(dice, Topics[2..], 9),
                < 0.62 => MemoryChat(dice),
                < 0.67 => Document.Chat(Turns(RepeatTopic.AskLong(dice))),
                _ => Chat(dice),
            };
        }
    }

    /// <summary>Sums or facts one after the other: the same knowledge as in chats, in a quarter of the tokens.</summary>
    private static Document Statements(Dice dice, (ITopic Topic, double Share)[] topics, int count)
    {
        var pieces = new List<Piece>();
        while (pieces.Count < 2 * count)
        {
            if (Draw(topics, dice).State(dice) is var (lead, rest))
            {
                pieces.Add(new((pieces.Count == 0 ? "" : " ") + lead, false, 0.1f));
                pieces.Add(new(lead.Length == 0 && pieces.Count == 1 ? rest.TrimStart() : rest, false, 1));
            }
        }
        return new(pieces);
    }

    private static Document StoryChat(Dice dice)
    {
        var turns = Opening(dice, out _);
        if (dice.Chance(0.15))
        {
            Add(turns, SmallTalkTopic.Greeting(dice));
        }
        var story = Stories.Draw(dice);
        Add(turns, new(Careless(story.Request, dice), story.Text, null, ""));
        if (dice.Chance(0.25))
        {
            Add(turns, dice.Chance(0.5) ? SmallTalkTopic.Closing(dice) : Any(dice));
        }
        return Document.Chat(turns);
    }

    private static Document MemoryChat(Dice dice)
    {
        var turns = Opening(dice, out _);
        var (telling, asking) = MemoryTopic.Draw(dice, Split.Training);
        Add(turns, telling);
        for (var i = dice.Next(4); i > 0; i--)
        {
            Add(turns, Any(dice));
        }
        Add(turns, asking);
        return Document.Chat(turns);
    }

    private static Document Chat(Dice dice)
    {
        var turns = Opening(dice, out var brief);
        if (!brief && dice.Chance(0.15))
        {
            Add(turns, SmallTalkTopic.Greeting(dice));
        }
        // Most chats are short; one in twenty is long, so that the far end of the context is seen too.
        for (var i = dice.Chance(0.05) ? dice.Between(6, 10) : dice.Between(1, 3); i > 0; i--)
        {
            var exchange = Any(dice);
            Add(turns, brief && exchange.Brief is { } answer ? exchange with { Answer = answer.TrimEnd('.') } : exchange);
        }
        if (!brief && dice.Chance(0.15))
        {
            Add(turns, SmallTalkTopic.Closing(dice));
        }
        return Document.Chat(turns);
    }

    private static List<(Role, string)> Opening(Dice dice, out bool brief)
    {
        brief = dice.Chance(0.06);
        return brief ? [(Role.System, dice.Pick(BriefSystemTurns))] : dice.Chance(0.2) ? [(Role.System, dice.Pick(SystemTurns))] : [];
    }

    private static List<(Role, string)> Turns(Exchange exchange)
    {
        List<(Role, string)> turns = [];
        Add(turns, exchange);
        return turns;
    }

    private static void Add(List<(Role, string)> turns, Exchange exchange)
    {
        turns.Add((Role.User, exchange.Question));
        turns.Add((Role.Assistant, exchange.Answer));
    }

    private static Exchange Any(Dice dice)
    {
        var exchange = Draw(Topics, dice).Ask(dice, Split.Training);
        return exchange with { Question = Careless(exchange.Question, dice) };
    }

    private static ITopic Draw((ITopic Topic, double Share)[] topics, Dice dice)
    {
        var at = dice.Uniform() * topics.Sum(entry => entry.Share);
        return topics.First(entry => (at -= entry.Share) <= 0).Topic;
    }

    /// <summary>The way people type: sometimes without a capital letter or a question mark, or with a polite word more.</summary>
    private static string Careless(string question, Dice dice)
    {
        if (dice.Chance(0.10))
        {
            question = char.ToLowerInvariant(question[0]) + question[1..];
        }
        if (dice.Chance(0.10))
        {
            question = question.TrimEnd('?', '.');
        }
        return dice.Next(24) switch
        {
            0 => $"Please, {char.ToLowerInvariant(question[0])}{question[1..]}",
            1 => $"Hello! {question}",
            2 => $"Hi, {char.ToLowerInvariant(question[0])}{question[1..]}",
            3 => $"I have a question. {question}",
            4 => $"Okay. {question}",
            _ => question,
        };
    }
}
