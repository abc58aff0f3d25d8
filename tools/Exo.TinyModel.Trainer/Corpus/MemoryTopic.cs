namespace Exo.TinyModel.Trainer.Corpus;

/// <summary>Something that the user says about themselves, and later asks for.</summary>
/// <remarks>Held out of training: pairs of a name and a thing, by hash, one in ten.</remarks>
internal static class MemoryTopic
{
    public const string Kind = "remembering what was said";

    private sealed record Memory(string Telling, string Reply, string Asking, string Answer, string Key);

    private static readonly Memory[] Memories =
    [
        new("[My name is {name}.|I am {name}.|Hello, I am {name}.|Hi, my name is {name}.|I'm {name}.]", "[Nice to meet you|Hello], {name}!", "[What is my name?|Do you remember my name?|What am I called?|Who am I?|What's my name?]", "Your name is {name}.", "{name}"),
        new("[I like {food}.|I love {food}.|My favourite food is {food}.]", "{Food} [sounds|is] good!", "[What do I like?|What food do I like?|What is my favourite food?|Do you remember what I like?]", "You like {food}.", "{food}"),
        new("[I have a {animal}.|I have a pet {animal}.|My pet is a {animal}.]", "How nice! [A {animal} is a good friend.|I like {animal}s.]", "[What pet do I have?|Which animal do I have?|What is my pet?]", "You have a {animal}.", "{animal}"),
        new("[My favourite colour is {colour}.|I like the colour {colour}.|The colour I like best is {colour}.]", "{Colour} is a [nice|beautiful] colour.", "[What is my favourite colour?|Which colour do I like?|What colour do I like?]", "Your favourite colour is {colour}.", "{colour}"),
        new("[I am {n} years old.|I'm {n} years old.|My age is {n}.]", "{n} is a good age!", "[How old am I?|What is my age?|Do you know how old I am?]", "You are {n} years old.", "{n}"),
        new("[My cat is called {name}.|My cat's name is {name}.|I have a cat called {name}.]", "{name} is a nice name for a cat.", "[What is my cat called?|What is the name of my cat?]", "Your cat is called {name}.", "{name}"),
        new("[My dog is called {name}.|My dog's name is {name}.|I have a dog called {name}.]", "{name} is a nice name for a dog.", "[What is my dog called?|What is the name of my dog?]", "Your dog is called {name}.", "{name}"),
    ];

    /// <summary>The turn that tells and the turn that asks.</summary>
    public static (Exchange Telling, Exchange Asking) Draw(Dice dice, Split split)
    {
        while (true)
        {
            var slots = new Dictionary<string, string>
            {
                ["name"] = dice.Pick(Words.People).Name,
                ["food"] = dice.Pick(Words.Foods),
                ["animal"] = dice.Pick(Words.Animals.Where(animal => English.A(animal).StartsWith("a ", StringComparison.Ordinal)).ToArray()),
                ["colour"] = dice.Pick(Words.Colours),
                ["n"] = English.Number(dice.Between(4, 60)),
            };
            var memory = dice.Pick(Memories);
            var telling = dice.Expand(memory.Telling, slots);
            var asking = dice.Expand(memory.Asking, slots);
            if ((Dice.Hash(telling + asking) % 10 == 0) == (split == Split.HeldOut))
            {
                return (new(telling, dice.Expand(memory.Reply, slots), null, ""), new(asking, dice.Expand(memory.Answer, slots), null, dice.Expand(memory.Key, slots)));
            }
        }
    }
}
