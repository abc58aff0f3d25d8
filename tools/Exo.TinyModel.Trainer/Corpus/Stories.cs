namespace Exo.TinyModel.Trainer.Corpus;

/// <summary>A story, and ways to ask for it.</summary>
internal sealed record Story(string Text, string Request, string[] Mentions);

/// <summary>Short stories: who, where and with what are drawn; a plot joins them; every sentence has several forms.</summary>
internal static class Stories
{
    private static readonly (string Kind, string[] Adjectives)[] Heroes =
    [
        ("cat", ["little", "grey", "curious", "lazy"]), ("dog", ["little", "brown", "brave", "friendly"]), ("mouse", ["little", "tiny", "brave", "shy"]), ("rabbit", ["little", "white", "quick", "shy"]),
        ("fox", ["young", "red", "clever", "hungry"]), ("bear", ["big", "brown", "kind", "sleepy"]), ("bird", ["little", "blue", "happy", "small"]), ("frog", ["green", "little", "funny", "happy"]),
        ("duck", ["yellow", "little", "happy", "young"]), ("owl", ["old", "wise", "kind", "grey"]), ("elephant", ["young", "big", "kind", "grey"]), ("lion", ["young", "brave", "strong", "proud"]),
        ("monkey", ["funny", "quick", "clever", "little"]), ("turtle", ["old", "slow", "kind", "green"]), ("hedgehog", ["little", "shy", "brown", "careful"]), ("squirrel", ["quick", "red", "busy", "little"]),
        ("horse", ["young", "white", "fast", "strong"]), ("pig", ["pink", "happy", "little", "funny"]), ("penguin", ["little", "happy", "young", "brave"]), ("bee", ["busy", "little", "tiny", "happy"]),
        ("dragon", ["small", "green", "shy", "friendly"]), ("robot", ["small", "old", "kind", "clever"]), ("girl", ["little", "young", "brave", "kind"]), ("boy", ["little", "young", "brave", "kind"]),
    ];

    private static readonly string[] AnimalNames = "Pip,Milo,Luna,Bella,Coco,Daisy,Rusty,Poppy,Teddy,Molly,Oscar,Ruby,Nina,Toby,Lola,Felix".Split(',');

    private static readonly string[] Places = "forest,garden,park,field,village,farm,beach,river,lake,hill,meadow,town".Split(',');

    private static readonly string[] Things = "ball,kite,hat,book,drum,boat,lamp,bell,basket,cup,ring,key,flute,blanket,shell,star".Split(',');

    private static readonly string[] Friends = "cat,dog,mouse,rabbit,fox,bear,bird,frog,duck,owl,turtle,hedgehog,squirrel".Split(',');

    private const string Opening = "[Once upon a time,|One day,|Long ago,] [there was|there lived] a {adjective} {hero} [named|called] {name}. {He} lived [in|near] a {placeAdjective} {place}. ";

    private static readonly (string Text, string About)[] Plots =
    [
        (Opening + "{Name} had a {colour} {thing} and [loved it very much|played with it every day|took it everywhere]. [One morning|One day|One afternoon], the {thing} was gone. {Name} looked [under the bed|behind the door|under a tree] and [in the tall grass|behind the house|near the water], but {he} could not find it. " +
            "{He} [felt very sad|began to cry|sat down and was sad]. Then a {friend} [came by|walked up to {him}|saw {him}] and asked, \"Why are you sad, {name}?\" \"I lost my {thing},\" said {name}. \"[I will help you|Let us look together|Do not worry, I can help],\" said the {friend}. They looked [everywhere|for a long time|high and low]. " +
            "[At last|In the end|Soon], the {friend} found the {thing} [under a big stone|behind an old tree|in a bush|near the {place}]. {Name} was [so happy|very happy|full of joy]. \"Thank you, my friend!\" {he} said. From that day on, they [played together every day|were best friends|shared the {thing}].", "thing"),
        (Opening + "{Name} wanted to [learn to swim|learn to sing|learn to dance|learn to paint], but {he} was afraid. \"I cannot do it,\" {he} said. A {friendAdjective} {friend} heard {him} and said, \"[Do not be afraid|Just try|You can do it if you try]. I will [show you|help you].\" " +
            "Every day they [tried together|worked hard]. The first day was [hard|very hard], and {name} wanted to stop. The second day was a little better. [After a week|On the seventh day|At the end of the week], {name} could do it! {He} [laughed and jumped|smiled a big smile|was very proud]. \"[You were right|Thank you],\" {he} said to the {friend}. \"[It is good to try|I only had to try].\"", "hero"),
        (Opening + "[One night|One evening], there was a big storm. The wind was [loud|strong] and the rain [fell and fell|did not stop]. {Name} was [warm|safe] in {his} house. Then {he} heard a [small voice|knock at the door]. It was a {friendAdjective} {friend}. \"Please let me in,\" said the {friend}. \"I am [cold and wet|so cold|very wet].\" " +
            "{Name} opened the door at once. {He} gave the {friend} a [warm blanket|dry blanket] and [some soup|some hot soup|some bread]. They sat [by the fire|together by the fire] and told each other stories. In the morning, the sun was shining. \"[You are very kind|Thank you for your help],\" said the {friend}. [They became good friends.|And they stayed friends for ever.|After that, the {friend} came to visit every week.]", "hero"),
        (Opening + "[One morning|One day], {name} found a {colour} {thing} [on the road|in the grass|under a tree]. \"[What a nice {thing}!|Whose {thing} is this?]\" {he} said. {Name} wanted to keep it, but {he} knew that [somebody had lost it|it was not {his}]. So {he} asked [everyone|all the animals] near the {place}. \"Is this your {thing}?\" {he} asked the {friend}. " +
            "\"[Yes, it is mine!|Yes! I lost it yesterday!]\" said the {friend}. \"[Thank you so much|You are very honest], {name}.\" The {friend} was so happy that {he2} [gave {name} a big cake|gave {name} some honey|made a cake for {name}]. They ate it together. {Name} [learned that it is good to be honest|was glad that {he} had been honest].", "thing"),
        (Opening + "[One day|One morning], {name} and a {friend} had a race. \"I am [faster|much faster] than you,\" said the {friend}. They ran [to the {place}|to the big tree|down the hill]. The {friend} was [fast|very fast], but [fell into a hole|stopped to sleep|fell over a stone]. {Name} [stopped to help|ran back to help]. \"[Why did you stop?|You could have won!]\" asked the {friend}. \"[A friend is more important than a race|You are my friend],\" said {name}. " +
            "They walked to the end [together|side by side]. [Everyone cheered.|All the animals clapped.] [They both won that day.|It was the best race of all.]", "hero"),
        (Opening + "{Name} was [hungry|very hungry]. {He} had only one [apple|cake|piece of bread|pear]. Then {he} met a {friendAdjective} {friend} who had [nothing to eat|no food]. {Name} [thought for a moment|looked at {his} food]. Then {he} [smiled and said|said], \"[We can share it|Here, take half of it].\" They ate together [under a tree|in the sun|by the water]. " +
            "The next day, the {friend} came back with [a big basket of berries|a basket full of nuts|a pot of honey]. \"[Now I will share with you|This is for you],\" said the {friend}. {Name} was [very happy|so happy]. {He} learned that [sharing makes everyone happy|it is good to share].", "hero"),
        (Opening + "[One evening|One night], {name} looked up and saw a [bright|golden|big] star. \"I want to [touch|catch] that star,\" {he} said. {He} climbed [the highest hill|the tallest tree], but the star was [too far|still far away]. {He} [jumped|jumped and jumped], but {he} could not [touch|reach] it. An old {friend} [laughed and said|smiled and said], \"[Look into the water|Look down at the lake], {name}.\" " +
            "{Name} looked, and there was the star, [shining in the water|right in front of {him}]! {He} put {his} [foot|hand] into the water and touched it. \"Now I have touched a star,\" {he} said. {He} [went home happy|went to sleep with a smile|slept well that night].", "hero"),
        (Opening + "It was {name}'s birthday, but [nobody came|nobody said a word|everyone was busy]. {He} walked [through the {place}|all alone] and felt [sad|lonely]. \"[Everyone forgot my birthday|They all forgot me],\" {he} [said|thought]. When {he} came home, it was dark. {He} opened the door, and [all {his} friends were there|suddenly the lights went on]! \"Happy birthday, {name}!\" they [shouted|called]. " +
            "There was [a big cake|a cake with candles], and the {friend} gave {him} a {colour} {thing}. {Name} [laughed|smiled]. It was [the best birthday ever|the best day of {his} life].", "thing"),
        (Opening + "{Name} [did not like to help|never wanted to work]. When the {friend} [worked in the garden|picked berries|made bread], {name} [only slept in the sun|only played]. \"Will you help me?\" asked the {friend}. \"No, [not today|I am too tired],\" said {name}. Then winter came. It was [cold|very cold], and {name} had [no food|nothing to eat]. {He} went to the {friend} and said, \"[I am sorry|I was wrong]. [Please help me|I am so hungry].\" " +
            "The {friend} was kind and gave {him} [food|something to eat]. In spring, {name} [worked hard every day|was the first to help]. [They were both happy.|From then on, {name} always helped.]", "hero"),
        (Opening + "One day, {name} went for a walk and [lost {his} way|got lost]. [All the trees looked the same.|It was getting dark.] {Name} was [afraid|scared], but {he} did not cry. {He} [listened|sat down and listened]. From far away {he} heard [a bell|music|a song]. \"[I know that sound|That comes from home],\" said {name}. {He} followed the sound [step by step|through the trees|over the hill]. " +
            "There stood {his} [mother|grandmother|father] with a [lamp|light] in the dark. \"There you are!\" [said {his} family|they said], and [they all hugged {him}|everyone was happy]. {Name} was [home|safe at home] again.", "hero"),
        (Opening + "{Name} had a {colour} {thing}, and the {friend} wanted to play with it. \"No, it is mine!\" said {name}. The {friend} [went away|walked away] and was sad. {Name} played alone, but it was [no fun|not much fun]. {He} [thought about|looked for] the {friend}. Then {he} [went to|ran to] the {friend}'s house and said, \"I am sorry. [Let us play together|Do you want to play with me?]\" " +
            "The {friend} [smiled|was happy]. They played with the {thing} [until the sun went down|all day long]. [It was much more fun together.|{Name} learned that it is better to share.]", "thing"),
        (Opening + "[One spring|One day], {name} planted a small seed [in the ground|near the {place}]. {He} gave it water every day. \"[Please grow|Grow, little seed],\" {he} said. [For a long time|For many days], nothing happened. The {friend} laughed and said, \"[It will never grow|You are wasting your time].\" But {name} [did not give up|waited]. Then, one morning, there was a [small green leaf|little green plant]! " +
            "It grew and grew, and became a [big tree with red apples|tall {colour} flower|tall tree]. [Everyone came to see it.|All the animals came to look.] \"[You were right to wait|I was wrong],\" said the {friend}. {Name} [smiled|was very proud].", "hero"),
    ];

    private static readonly string[] Requests =
    [
        "Tell me a [|short |little ]story about {ahero}.", "Tell a [|short ]story about {ahero}.", "[Write|Make up] a [|short ]story about {ahero}.", "Can you tell me a story about {ahero}?", "I want to hear a story about {ahero}.",
        "Tell me a story about {ahero} [named|called] {name}.", "Please tell me a story about {ahero}.", "A story about {ahero}, please.", "Tell me about a {hero} [named|called] {name}.", "Do you know a story about {ahero}?",
    ];

    private static readonly string[] ThingRequests =
        ["Tell me a story about {ahero} and {athing}.", "Tell me a story about a {colour} {thing}.", "Tell me a [|short ]story about {athing}.", "Write a story about {ahero} with a {colour} {thing}.", "Can you tell me a story about {athing}?"];

    private static readonly string[] OpenRequests =
        ["Tell me a story.", "Tell me a short story.", "Can you tell me a story?", "Please tell me a story.", "I want to hear a story.", "Write a story.", "Tell me another story.", "Do you know a story?", "Once upon a time", "Make up a story."];

    public static Story Draw(Dice dice)
    {
        var (hero, adjectives) = dice.Pick(Heroes);
        var girl = hero == "girl" || (hero != "boy" && dice.Chance(0.5));
        var name = hero is "girl" or "boy" ? dice.Pick(Words.People.Where(person => person.IsGirl == girl).ToArray()).Name : dice.Pick(AnimalNames);
        var friend = dice.Pick(Friends.Where(kind => kind != hero).ToArray());
        var person = new Person(name, girl);
        var thing = dice.Pick(Things);
        var slots = new Dictionary<string, string>
        {
            ["hero"] = hero,
            ["ahero"] = English.A(hero),
            ["adjective"] = dice.Pick(adjectives),
            ["name"] = name,
            ["he"] = person.He,
            ["him"] = person.Him,
            ["his"] = person.His,
            ["he2"] = "it",
            ["place"] = dice.Pick(Places),
            ["placeAdjective"] = dice.Pick(["big", "small", "green", "quiet", "beautiful"]),
            ["thing"] = thing,
            ["athing"] = English.A(thing),
            ["colour"] = dice.Pick(["red", "blue", "green", "yellow", "golden", "white"]),
            ["friend"] = friend,
            ["friendAdjective"] = dice.Pick(["small", "kind", "wise", "friendly", "young"]),
        };
        var (plot, about) = dice.Pick(Plots);
        var text = dice.Expand(plot, slots).Replace("a old ", "an old ", StringComparison.Ordinal);
        if (dice.Chance(0.12))
        {
            return new(text, dice.Expand(dice.Pick(OpenRequests), slots), []);
        }
        if (about == "thing" && dice.Chance(0.4))
        {
            return new(text, dice.Expand(dice.Pick(ThingRequests), slots), [thing]);
        }
        return new(text, dice.Expand(dice.Pick(Requests), slots), [hero]);
    }

    /// <summary>Every word that a story can contain, by which invented words are found out.</summary>
    public static IReadOnlySet<string> Vocabulary { get; } = CollectVocabulary();

    private static HashSet<string> CollectVocabulary()
    {
        var dice = new Dice(1);
        var words = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < 5000; i++)
        {
            words.UnionWith(WordsOf(Draw(dice).Text));
        }
        return words;
    }

    public static string[] WordsOf(string text) => text.Split([' ', '\n', '.', ',', '!', '?', '"', ':'], StringSplitOptions.RemoveEmptyEntries);
}
