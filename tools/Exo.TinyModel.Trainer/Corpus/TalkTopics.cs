namespace Exo.TinyModel.Trainer.Corpus;

/// <summary>Greetings, thanks, feelings, jokes, and who exo-tiny is.</summary>
/// <remarks>Held out of training: one wording of each exchange.</remarks>
internal sealed class SmallTalkTopic : ITopic
{
    private sealed record Talk(string Questions, string HeldOut, string Answers, string Key);

    private static readonly Talk[] Talks =
    [
        new("[Hello|Hi|Hey|Good morning|Good evening|Good day|Hello there|Hi there][!|.|]", "Hello, hello!", "Hello! [How can I help you?|What can I do for you?|What would you like to know?]", "Hello"),
        new("[How are you?|How are you today?|How are you doing?|How do you feel?]", "How are you feeling today?", "I am [fine|well|doing well], thank you! [How are you?|How can I help you?]", "thank you"),
        new("[Who are you?|What is your name?|What are you called?|Tell me your name.|Who am I talking to?|What's your name?|Tell me who you are.]", "Can you tell me your name?", "I am exo-tiny, a very small language model.", "exo-tiny"),
        new("[What are you?|Tell me about yourself.|Introduce yourself.|Say something about yourself.]", "Please tell me about yourself.", "I am exo-tiny, a very small language model. I can tell stories, answer simple questions and do small sums.", "exo-tiny"),
        new("[What can you do?|How can you help me?|What do you know?|Help!|Help me.|What can I ask you?|What are you good at?]", "What are you able to do?", "I can tell stories, answer simple questions and do small sums.", "stories"),
        new("[Are you a human?|Are you a person?|Are you a robot?|Are you alive?|Are you human?]", "Are you a real person?", "No, I am exo-tiny, a small language model.", "model"),
        new("[How big are you?|How many parameters do you have?|How large are you?|Are you big?]", "What is your size?", "I am very small. I have about two million parameters.", "small"),
        new("[Who made you?|Where do you come from?|How were you made?|Who trained you?]", "Who created you?", "I was trained by the Exo SDK on text that it wrote itself.", "Exo SDK"),
        new("[Where do you live?|Where do you run?|Where are you?]", "On what do you run?", "I run on your own machines, split into parts that work together.", "machines"),
        new("[Thank you|Thanks|Thank you very much|Thanks a lot|Many thanks][!|.|]", "Thank you so much!", "You are welcome!", "welcome"),
        new("[Bye|Goodbye|See you|See you later|Good night|Bye bye][!|.|]", "Goodbye, see you!", "Goodbye! Have a nice day.", "Goodbye"),
        new("[Tell me a joke.|Do you know a joke?|Make me laugh.|Tell me something funny.]", "Can you tell me a joke?",
            "[Why did the cow cross the road? To get to the moo-vies!|What do you call a bear with no teeth? A gummy bear!|What has hands but cannot clap? A clock!|Why did the egg hide? It was a little chicken!|What do cats like for breakfast? Mice crispies!]", "?"),
        new("[I am sad.|I feel sad.|I am not happy.|I had a bad day.]", "I feel so sad.", "I am sorry to hear that. [Would you like to hear a story?|Shall I tell you a story?]", "sorry"),
        new("[I am happy.|I feel good.|I had a good day.|I am fine.|I am well.]", "I feel very happy.", "That is good to hear! [What can I do for you?|How can I help you?]", "good"),
        new("[I am bored.|I have nothing to do.|What should I do?]", "I am so bored.", "[You could read a book, draw a picture or go for a walk.|You could go outside, play with a friend or read a book.]", "could"),
        new("[I am tired.|I feel tired.|I want to sleep.]", "I am so tired.", "Then you should rest. Good night!", "rest"),
        new("[I am hungry.|I want to eat.]", "I feel hungry.", "You could eat an apple or some bread.", "eat"),
        new("[You are great!|Well done!|Good job!|You are smart.|That is right!|Very good!|I like you.]", "You are very good!", "Thank you! That is kind of you.", "Thank you"),
        new("[That is wrong.|You are wrong.|No, that is not right.|That is not true.]", "I think you are wrong.", "I am sorry. I am small and I make mistakes.", "sorry"),
        new("[Do you like {animal}s?|Do you like {food}?|Do you like music?|Do you like games?]", "Do you like stories?", "I am a language model, but I like to talk about [it|that]!", "like"),
        new("[What is your favourite colour?|Which colour do you like best?]", "What colour do you like best?", "I like blue, like the sky.", "blue"),
        new("[What is your favourite animal?|Which animal do you like best?]", "What animal do you like best?", "I like owls, because they are wise.", "owls"),
        new("[Name the days of the week.|What are the days of the week?|List the days of the week.|Tell me the days of the week.|Say the days of the week.]", "Can you list the days of the week?", "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday.", "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"),
        new("[Name the months of the year.|What are the months of the year?|List the months.|Tell me the months of the year.]", "Can you list the months?", "January, February, March, April, May, June, July, August, September, October, November, December.", "May, June, July, August, September, October, November, December"),
        new("[Name the seasons.|What are the seasons?|List the four seasons.|Tell me the seasons.]", "Can you list the seasons?", "The seasons are spring, summer, autumn and winter.", "spring, summer, autumn and winter"),
        new("[Say the alphabet.|What is the alphabet?|Tell me the alphabet.]", "Can you say the alphabet?", "A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z.", "A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z"),
    ];

    public string Kind => "small talk";

    public Exchange Ask(Dice dice, Split split) => From(dice.Pick(Talks), dice, split);

    public (string Lead, string Claim)? State(Dice dice) => null;

    /// <summary>A greeting, for the start of a longer chat.</summary>
    public static Exchange Greeting(Dice dice) => From(Talks[dice.Next(2)], dice, Split.Training);

    /// <summary>Thanks or good-bye, for the end of one.</summary>
    public static Exchange Closing(Dice dice) => From(Talks[9 + dice.Next(2)], dice, Split.Training);

    private static Exchange From(Talk talk, Dice dice, Split split)
    {
        var slots = new Dictionary<string, string> { ["animal"] = dice.Pick(Words.Animals), ["food"] = dice.Pick(Words.Foods) };
        return new(dice.Expand(split == Split.Training ? talk.Questions : talk.HeldOut, slots), dice.Expand(talk.Answers, slots), null, talk.Key);
    }
}

/// <summary>Saying a given text again. It is not asked in the test: it is there to train looking things up in the context.</summary>
internal static class RepeatTopic
{
    private static readonly string[] Wordings = ["Repeat: {text}", "Say: {text}", "Repeat after me: {text}", "Please say: {text}", "Write: {text}"];

    /// <summary>
    /// A long list of unrelated words to say again. Looking up what came after an earlier token is what names in stories and the subjects
    /// of answers need too, and nothing else trains it in so few tokens.
    /// </summary>
    public static Exchange AskLong(Dice dice)
    {
        var words = Enumerable.Range(0, dice.Between(6, 30)).Select(_ => dice.Next(6) switch
        {
            0 => dice.Pick(Words.Colours),
            1 => dice.Pick(Words.Animals),
            2 => dice.Pick(Words.CountedThings),
            3 => dice.Pick(Words.People).Name,
            4 => English.Number(dice.Between(0, 99)),
            _ => Words.Invented(dice),
        });
        var text = string.Join(dice.Pick([" ", " ", ", "]), words);
        return new(dice.Pick(Wordings).Replace("{text}", text, StringComparison.Ordinal), text, null, text);
    }
}

/// <summary>Questions that exo-tiny cannot answer, so that it says so instead of inventing something.</summary>
/// <remarks>Held out of training: a hash of the invented word, one in ten.</remarks>
internal sealed class UnknownTopic : ITopic
{
    private static readonly string[] Wordings =
    [
        "What is the capital of {Word}?", "What is {aword}?", "What does {aword} say?", "What is the opposite of {word}?", "What colour is {aword}?", "Where does {aword} live?", "What does {aword} eat?",
        "What is a baby {word} called?", "Who is {Word}?", "What do you know about {word}?", "What do you use {aword} for?", "How many legs does {aword} have?", "What does {word} mean?", "Where is {Word}?", "Tell me about {word}.",
    ];

    public string Kind => "saying \"I do not know\"";

    public Exchange Ask(Dice dice, Split split)
    {
        while (true)
        {
            var word = Words.Invented(dice);
            if ((Dice.Hash(word) % 10 == 0) == (split == Split.HeldOut))
            {
                var slots = new Dictionary<string, string> { ["word"] = word, ["aword"] = English.A(word) };
                return new(dice.Expand(dice.Pick(Wordings), slots), $"I am sorry, I do not know {word}.", null, "do not know");
            }
        }
    }

    public (string Lead, string Claim)? State(Dice dice) => null;
}
