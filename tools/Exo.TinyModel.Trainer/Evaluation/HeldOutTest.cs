using System.Globalization;
using Exo.Sdk;
using Exo.TinyModel.Trainer.Corpus;
using Exo.TinyModel.Trainer.Model;
using Exo.TinyModel.Trainer.Tokenizer;

namespace Exo.TinyModel.Trainer.Evaluation;

/// <summary>How many of one kind of question were answered right.</summary>
internal sealed record Score(string Kind, int Right, int Asked, IReadOnlyList<string> Mistakes);

/// <summary>Asks what was held out of training, greedily, and counts right answers by kind.</summary>
internal static class HeldOutTest
{
    private const int PerKind = 60;
    private const int StoryCount = 40;
    private const int AtOnce = 60;
    private const ulong Seed = 20_26;

    private const string StoryKind = "stories";

    private static readonly (Role, string)[] None = [];

    public static IEnumerable<Score> Run(LlamaModel model, BytePairEncoding tokenizer)
    {
        var generator = new Generator(model, tokenizer);
        foreach (var topic in Mixture.Topics.Select(entry => entry.Topic))
        {
            var dice = new Dice(Seed + Dice.Hash(topic.Kind));
            yield return Ask(generator, topic.Kind, Different(() => ((IEnumerable<(Role, string)>)None, topic.Ask(dice, Split.HeldOut))), topic.IsRight);
        }
        var memory = new Dice(Seed);
        ITopic anyTopic = new SmallTalkTopic();
        yield return Ask(generator, MemoryTopic.Kind, Different(() =>
        {
            var (telling, asking) = MemoryTopic.Draw(memory, Split.HeldOut);
            var between = Mixture.Topics[memory.Next(Mixture.Topics.Length)].Topic.Ask(memory, Split.HeldOut);
            return ((IEnumerable<(Role, string)>)[(Role.User, telling.Question), (Role.Assistant, telling.Answer), (Role.User, between.Question), (Role.Assistant, between.Answer)], asking);
        }), anyTopic.IsRight);
        yield return TellStories(generator);
    }

    /// <summary>Writes one line for each kind, and a total over the questions (stories apart).</summary>
    public static void Print(string title, IEnumerable<Score> scores, bool mistakes)
    {
        Console.WriteLine(title);
        var (right, asked) = (0, 0);
        foreach (var score in scores)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {score.Kind,-32} {score.Right,4} of {score.Asked,4}  {100.0 * score.Right / score.Asked,5:f1} %"));
            foreach (var mistake in mistakes ? score.Mistakes : [])
            {
                Console.WriteLine($"      {mistake}");
            }
            if (score.Kind != StoryKind)
            {
                (right, asked) = (right + score.Right, asked + score.Asked);
            }
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {"all questions",-32} {right,4} of {asked,4}  {100.0 * right / asked,5:f1} %"));
    }

    /// <summary>
    /// A story is right if it is about what was asked, ends by itself, invents no word and says no sentence twice.
    /// </summary>
    private static Score TellStories(Generator generator)
    {
        var dice = new Dice(Seed + 1);
        var stories = Enumerable.Range(0, StoryCount).Select(_ => Stories.Draw(dice)).ToArray();
        var told = new List<(string Text, bool Ended)>();
        foreach (var some in stories.Chunk(AtOnce))
        {
            // Sampled: with every token the likeliest, all stories about one hero would be the same.
            told.AddRange(generator.Generate([.. some.Select(story => generator.Prompt([(Role.User, story.Request)]))], 300, 0.7, dice));
        }
        var mistakes = new List<string>();
        for (var i = 0; i < stories.Length; i++)
        {
            var words = Stories.WordsOf(told[i].Text);
            var sentences = told[i].Text.Split(". ");
            var wrong =
                !told[i].Ended ? "does not end"
                : stories[i].Mentions.FirstOrDefault(word => !words.Contains(word)) is { } missing ? $"no {missing}"
                : words.FirstOrDefault(word => !Stories.Vocabulary.Contains(word)) is { } invented ? $"invents {invented}"
                : sentences.Distinct().Count() < sentences.Length ? "repeats a sentence"
                : sentences.Length < 5 ? "too short"
                : null;
            if (wrong is not null)
            {
                mistakes.Add($"{stories[i].Request} ({wrong}) {told[i].Text}");
            }
        }
        return new(StoryKind, stories.Length - mistakes.Count, stories.Length, mistakes);
    }

    private static List<(IEnumerable<(Role, string)> Before, Exchange Exchange)> Different(Func<(IEnumerable<(Role, string)> Before, Exchange Exchange)> draw)
    {
        // Kinds with few held-out questions give fewer than PerKind.
        var asked = new HashSet<string>();
        var questions = new List<(IEnumerable<(Role, string)>, Exchange)>();
        for (var tries = 0; tries < 20 * PerKind && questions.Count < PerKind; tries++)
        {
            var (before, exchange) = draw();
            if (asked.Add(exchange.Question))
            {
                questions.Add((before, exchange));
            }
        }
        return questions;
    }

    private static Score Ask(Generator generator, string kind, List<(IEnumerable<(Role, string)> Before, Exchange Exchange)> questions, Func<Exchange, string, bool> isRight)
    {
        var mistakes = new List<string>();
        foreach (var some in questions.Chunk(AtOnce))
        {
            var answers = generator.Generate([.. some.Select(question => generator.Prompt([.. question.Before, (Role.User, question.Exchange.Question)]))], 110);
            for (var i = 0; i < some.Length; i++)
            {
                if (!answers[i].Ended || !isRight(some[i].Exchange, answers[i].Text))
                {
                    mistakes.Add($"{some[i].Exchange.Question} -> {answers[i].Text} (expected: {some[i].Exchange.Answer})");
                }
            }
        }
        return new(kind, questions.Count - mistakes.Count, questions.Count, mistakes);
    }
}
