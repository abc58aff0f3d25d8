namespace Exo.TinyModel.Trainer.Corpus;

/// <summary>What exo-tiny knows about the world.</summary>
internal static class Facts
{
    private const string Capitals =
        "France,Paris;Germany,Berlin;Italy,Rome;Spain,Madrid;Portugal,Lisbon;England,London;Ireland,Dublin;Scotland,Edinburgh;Norway,Oslo;Sweden,Stockholm;" +
        "Denmark,Copenhagen;Finland,Helsinki;Iceland,Reykjavik;Poland,Warsaw;Austria,Vienna;Hungary,Budapest;Greece,Athens;Belgium,Brussels;Switzerland,Bern;" +
        "the Netherlands,Amsterdam;Russia,Moscow;Ukraine,Kyiv;Turkey,Ankara;Egypt,Cairo;Kenya,Nairobi;Nigeria,Abuja;Morocco,Rabat;Ghana,Accra;Ethiopia,Addis Ababa;" +
        "Japan,Tokyo;China,Beijing;India,New Delhi;Thailand,Bangkok;Vietnam,Hanoi;Indonesia,Jakarta;South Korea,Seoul;Nepal,Kathmandu;Iran,Tehran;Iraq,Baghdad;" +
        "Australia,Canberra;New Zealand,Wellington;Canada,Ottawa;the United States,Washington;Mexico,Mexico City;Cuba,Havana;Brazil,Brasilia;Argentina,Buenos Aires;" +
        "Chile,Santiago;Peru,Lima;Colombia,Bogota;Romania,Bucharest;Bulgaria,Sofia;Croatia,Zagreb;Serbia,Belgrade;the Czech Republic,Prague";

    private const string Continents =
        "France,Europe;Germany,Europe;Italy,Europe;Spain,Europe;Portugal,Europe;Ireland,Europe;Norway,Europe;Sweden,Europe;Finland,Europe;Poland,Europe;Greece,Europe;" +
        "Egypt,Africa;Kenya,Africa;Nigeria,Africa;Morocco,Africa;Ghana,Africa;Ethiopia,Africa;Japan,Asia;China,Asia;India,Asia;Thailand,Asia;Vietnam,Asia;Nepal,Asia;Iran,Asia;" +
        "Canada,North America;the United States,North America;Mexico,North America;Cuba,North America;Brazil,South America;Argentina,South America;Chile,South America;Peru,South America;Colombia,South America";

    private const string Languages =
        "France,French;Germany,German;Italy,Italian;Spain,Spanish;Portugal,Portuguese;England,English;Norway,Norwegian;Sweden,Swedish;Denmark,Danish;Finland,Finnish;Poland,Polish;" +
        "Greece,Greek;Russia,Russian;Turkey,Turkish;Japan,Japanese;China,Chinese;Brazil,Portuguese;Mexico,Spanish;Argentina,Spanish;Australia,English;Egypt,Arabic;Hungary,Hungarian;the Netherlands,Dutch";

    private const string Sounds =
        "cow,moo;dog,woof;cat,meow;duck,quack;sheep,baa;pig,oink;lion,roar;snake,hiss;bee,buzz;owl,hoot;horse,neigh;mouse,squeak;frog,croak;hen,cluck;bird,tweet;wolf,howl;goat,baa;bear,growl;crow,caw";

    private const string Babies =
        "dog,puppy;cat,kitten;cow,calf;horse,foal;sheep,lamb;pig,piglet;duck,duckling;hen,chick;bear,cub;lion,cub;goat,kid;frog,tadpole;deer,fawn;goose,gosling;kangaroo,joey;swan,cygnet";

    private const string Homes =
        "bird,in a nest;bee,in a hive;fish,in the water;bear,in a cave;rabbit,in a burrow;spider,in a web;horse,in a stable;pig,in a sty;dog,in a kennel;whale,in the sea;monkey,in the trees;camel,in the desert;penguin,on the ice;frog,by the pond;lion,on the plain;ant,in an anthill";

    private const string AnimalFoods =
        "cow,grass;rabbit,carrots;monkey,bananas;cat,fish;dog,meat;mouse,cheese;bear,honey;squirrel,nuts;lion,meat;panda,bamboo;horse,hay;bird,seeds;sheep,grass;frog,flies;owl,mice;koala,leaves;shark,fish";

    private const string Legs =
        "dog,four;cat,four;spider,eight;ant,six;bee,six;bird,two;person,two;snake,no;fish,no;horse,four;cow,four;duck,two;crab,ten;octopus,no;fly,six;hen,two;elephant,four;lion,four;penguin,two;worm,no";

    private const string Colours =
        "the sky,blue;grass,green;snow,white;a banana,yellow;a lemon,yellow;coal,black;blood,red;a carrot,orange;the sun,yellow;milk,white;an orange,orange;a strawberry,red;a frog,green;a pig,pink;chocolate,brown;" +
        "a tomato,red;the sea,blue;a leaf,green;night,black;an elephant,grey;a cherry,red;a cloud,white;a plum,purple;a pumpkin,orange;a cucumber,green;a swan,white;a crow,black;a mouse,grey;a fire truck,red;corn,yellow";

    private const string Mixtures =
        "red and yellow,orange;yellow and red,orange;blue and yellow,green;yellow and blue,green;red and blue,purple;blue and red,purple;red and white,pink;white and red,pink;black and white,grey;white and black,grey;red and green,brown;green and red,brown";

    private const string Opposites =
        "hot,cold;big,small;up,down;day,night;good,bad;happy,sad;fast,slow;old,young;tall,short;light,dark;wet,dry;hard,soft;open,closed;full,empty;high,low;long,short;loud,quiet;clean,dirty;rich,poor;strong,weak;" +
        "early,late;first,last;left,right;in,out;on,off;near,far;easy,difficult;thick,thin;heavy,light;win,lose;push,pull;start,stop;black,white;love,hate;true,false;yes,no;true,false;awake,asleep;brave,afraid;sweet,sour;inside,outside;" +
        "cold,hot;small,big;down,up;night,day;bad,good;sad,happy;slow,fast;young,old;dark,light;dry,wet;soft,hard;closed,open;empty,full;low,high;quiet,loud;dirty,clean;poor,rich;weak,strong;late,early;last,first;right,left;out,in;off,on;far,near;" +
        "difficult,easy;thin,thick;lose,win;pull,push;stop,start;white,black;hate,love;false,true;no,yes;asleep,awake;sour,sweet;outside,inside";

    private const string Plurals =
        "cat,cats;dog,dogs;mouse,mice;child,children;foot,feet;tooth,teeth;man,men;woman,women;box,boxes;bus,buses;baby,babies;city,cities;leaf,leaves;knife,knives;wolf,wolves;sheep,sheep;fish,fish;goose,geese;house,houses;book,books;" +
        "apple,apples;tree,trees;star,stars;berry,berries;story,stories;watch,watches;glass,glasses;potato,potatoes;car,cars;bird,birds;fox,foxes;cup,cups;girl,girls;boy,boys;person,people";

    private const string PastTenses =
        "go,went;run,ran;eat,ate;see,saw;come,came;give,gave;take,took;make,made;find,found;say,said;think,thought;sing,sang;swim,swam;write,wrote;buy,bought;sleep,slept;fly,flew;drink,drank;fall,fell;know,knew;" +
        "play,played;walk,walked;jump,jumped;help,helped;look,looked;like,liked;stop,stopped;cry,cried;sit,sat;win,won;tell,told;grow,grew;draw,drew;bring,brought;catch,caught;begin,began";

    private const string Uses =
        "spoon,eat;pen,write;bed,sleep;knife,cut;cup,drink;book,read;broom,sweep;shovel,dig;key,open a door;bike,ride;boat,sail;oven,bake;towel,get dry;clock,tell the time;brush,paint;phone,talk;lamp,see in the dark;umbrella,stay dry;needle,sew;map,find the way";

    private const string BodyParts =
        "see,eyes;hear,ears;smell,nose;taste,tongue;walk,legs;think,brain;write,hand;chew,teeth;kick,foot;breathe,lungs";

    private const string Amounts =
        "days are in a week,there are seven days in a week,seven;months are in a year,there are twelve months in a year,twelve;hours are in a day,there are 24 hours in a day,24;minutes are in an hour,there are 60 minutes in an hour,60;" +
        "seconds are in a minute,there are 60 seconds in a minute,60;sides does a triangle have,a triangle has three sides,three;sides does a square have,a square has four sides,four;wheels does a car have,a car has four wheels,four;" +
        "wheels does a bike have,a bike has two wheels,two;fingers are on one hand,there are five fingers on one hand,five;seasons are in a year,there are four seasons in a year,four;letters are in the alphabet,there are 26 letters in the alphabet,26;" +
        "eyes does a person have,a person has two eyes,two;sides does a circle have,a circle has no sides,no;colours are in a rainbow,there are seven colours in a rainbow,seven;legs does a table have,a table has four legs,four;" +
        "continents are there,there are seven continents,seven;days are in a year,there are 365 days in a year,365;weeks are in a year,there are 52 weeks in a year,52;strings does a guitar have,a guitar has six strings,six;arms does an octopus have,an octopus has eight arms,eight";

    private const string Jobs =
        "teaches children,teacher;puts out fires,firefighter;bakes bread,baker;grows food on a farm,farmer;flies a plane,pilot;helps sick people,doctor;cooks in a restaurant,cook;paints pictures,painter;catches fish,fisherman;fixes teeth,dentist;" +
        "drives a bus,bus driver;cuts hair,hairdresser;looks after sick animals,vet;brings letters,postman;writes books,writer;builds houses,builder;sings songs,singer;flies to space,astronaut";

    private const string General =
        "what do plants need to grow,plants need water and light,water;what is the largest animal,the blue whale is the largest animal,whale;what is the tallest animal,the giraffe is the tallest animal,giraffe;what is the fastest animal on land,the cheetah is the fastest animal on land,cheetah;" +
        "what is ice made of,ice is made of water,water;what do bees make,bees make honey,honey;what do cows give us,cows give us milk,milk;what do hens lay,hens lay eggs,eggs;where does milk come from,milk comes from cows,cows;what is frozen water called,frozen water is called ice,ice;" +
        "which planet do we live on,we live on the planet Earth,Earth;which planet is closest to the sun,mercury is the planet closest to the sun,mercury;which planet is the largest,jupiter is the largest planet,jupiter;what goes around the Earth,the moon goes around the Earth,moon;" +
        "what does the Earth go around,the Earth goes around the sun,sun;what shines at night,the moon and the stars shine at night,moon;what shines in the day,the sun shines in the day,sun;what falls from clouds,rain falls from clouds,rain;what is bread made from,bread is made from flour,flour;" +
        "what is cheese made from,cheese is made from milk,milk;what is paper made from,paper is made from wood,wood;what is glass made from,glass is made from sand,sand;what is the largest ocean,the Pacific is the largest ocean,Pacific;which animal is called the king of the jungle,the lion is called the king of the jungle,lion;" +
        "what is a caterpillar before it can fly,a caterpillar becomes a butterfly,butterfly;when do leaves fall,leaves fall in autumn,autumn;when does it snow,it snows in winter,winter;what is the first month,january is the first month of the year,january;what is the last month,december is the last month of the year,december;what is the first day of the week,monday is the first day of the week,monday";

    public static readonly FactTopic[] All =
    [
        new("capitals", Capitals, "the capital of {0} is {1}.", 1,
            ["What is the capital of {0}?", "What's the capital of {0}?", "Tell me the capital of {0}.", "Which city is the capital of {0}?", "Do you know the capital of {0}?", "Capital of {0}?", "Can you tell me the capital of {0}?", "the capital of {0}"],
            ["Please name the capital of {0}.", "What city is the capital of {0}?"]),
        new("capitals, reversed", Capitals, "{1} is the capital of {0}.", 0,
            ["{1} is the capital of which country?", "Which country has {1} as its capital?", "{1} is the capital of what country?", "What country is {1} the capital of?", "What is {1}?", "What is {1} the capital of?"],
            ["Which country is {1} the capital of?", "What country has {1} as its capital?"]),
        new("continents", Continents, "{0} is in {1}.", 1,
            ["Which continent is {0} in?", "What continent is {0} in?", "On which continent is {0}?", "Where is {0}?", "Where in the world is {0}?"],
            ["Tell me which continent {0} is in."]),
        new("languages", Languages, "people in {0} speak {1}.", 1,
            ["What language do people speak in {0}?", "Which language do people speak in {0}?", "Which language is spoken in {0}?", "What do people speak in {0}?"],
            ["What language is spoken in {0}?"]),
        new("animal sounds", Sounds, "{a0} says {1}.", 1,
            ["What does {a0} say?", "What sound does {a0} make?", "Which sound does {a0} make?", "How does {a0} sound?", "Tell me what {a0} says."],
            ["What noise does {a0} make?", "What do you hear when {a0} talks?"]),
        new("baby animals", Babies, "a baby {0} is called {a1}.", 1,
            ["What is a baby {0} called?", "What do you call a baby {0}?", "What is the name for a baby {0}?", "Do you know what a baby {0} is called?", "A baby {0} is called what?"],
            ["Tell me what a baby {0} is called.", "How do you call a baby {0}?"]),
        new("animal homes", Homes, "{a0} lives {1}.", 1,
            ["Where does {a0} live?", "Tell me where {a0} lives.", "Where do you find {a0}?", "Where is the home of {a0}?"],
            ["Do you know where {a0} lives?"]),
        new("animal food", AnimalFoods, "{a0} eats {1}.", 1,
            ["What does {a0} eat?", "What food does {a0} like?", "Tell me what {a0} eats.", "What do you feed {a0}?"],
            ["Do you know what {a0} eats?"]),
        new("legs", Legs, "{a0} has {1} legs.", 1,
            ["How many legs does {a0} have?", "Tell me how many legs {a0} has.", "How many legs are on {a0}?", "Do you know how many legs {a0} has?"],
            ["Can you tell me how many legs {a0} has?"]),
        new("colours", Colours, "{0} is {1}.", 1,
            ["What colour is {0}?", "What color is {0}?", "Which colour is {0}?", "What is the colour of {0}?", "Tell me the colour of {0}.", "Do you know what colour {0} is?", "Which colour does {0} have?"],
            ["Tell me what colour {0} is.", "What is the color of {0}?"]),
        new("mixing colours", Mixtures, "{0} make {1}.", 1,
            ["What do you get when you mix {0}?", "What colour do {0} make?", "Mix {0}.", "If I mix {0} what do I get?", "What happens when I mix {0}?"],
            ["Which colour do you get when you mix {0}?"]),
        new("opposites", Opposites, "the opposite of {0} is {1}.", 1,
            ["What is the opposite of {0}?", "What's the opposite of {0}?", "Tell me the opposite of {0}.", "Give me the opposite of {0}.", "Opposite of {0}?", "Which word is the opposite of {0}?", "What is the opposite word of {0}?"],
            ["Can you tell me the opposite of {0}?", "What word is the opposite of {0}?"]),
        new("plurals", Plurals, "the plural of {0} is {1}.", 1,
            ["What is the plural of {0}?", "What's the plural of {0}?", "Tell me the plural of {0}.", "Give me the plural of {0}.", "Plural of {0}?", "One {0}, two what?"],
            ["Can you tell me the plural of {0}?"]),
        new("past tenses", PastTenses, "the past tense of {0} is {1}.", 1,
            ["What is the past tense of {0}?", "What's the past tense of {0}?", "Tell me the past tense of {0}.", "Give me the past tense of {0}.", "Past tense of {0}?"],
            ["Can you tell me the past tense of {0}?"]),
        new("uses of things", Uses, "you use {a0} to {1}.", 1,
            ["What do you use {a0} for?", "What is {a0} for?", "What can I do with {a0}?", "What do you do with {a0}?", "Why do people use {a0}?"],
            ["What do people use {a0} for?"]),
        new("body", BodyParts, "we {0} with our {1}.", 1,
            ["What do we {0} with?", "What do you {0} with?", "Which part of the body do we {0} with?", "With what do we {0}?"],
            ["What part of the body do we {0} with?"]),
        new("amounts", Amounts, "{1}.", 2,
            ["How many {0}?", "How many {0}, please?", "I want to know how many {0}.", "Tell me: how many {0}?"],
            ["Can you tell me how many {0}?"]),
        new("jobs", Jobs, "a person who {0} is called {a1}.", 1,
            ["Who {0}?", "What do you call a person who {0}?", "What is a person who {0} called?", "Which person {0}?"],
            ["What do we call a person who {0}?"]),
        new("the world", General, "{1}.", 2,
            ["{c0}?", "Do you know: {0}?", "Tell me: {0}?", "{c0}, please?", "I want to know: {0}?"],
            ["Can you tell me: {0}?"]),
        new("kinds of things", Kinds(), "{a0} is {a1}.", 1,
            ["What is {a0}?", "What kind of thing is {a0}?", "What sort of thing is {a0}?", "Tell me what {a0} is.", "What's {a0}?"],
            ["Do you know what {a0} is?"]),
    ];

    private static string Kinds() => string.Join(';',
        new (string[] Names, string Kind)[]
        {
            (Words.Animals, "animal"), (Words.Fruits, "fruit"), (Words.Vegetables, "vegetable"), (Words.Flowers, "flower"), (Words.Tools, "tool"), (Words.Vehicles, "vehicle"),
        }.SelectMany(group => group.Names.Select(name => $"{name},{group.Kind}")));
}
