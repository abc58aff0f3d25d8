namespace Exo.TinyModel.Trainer.Corpus;

/// <summary>A person, with pronouns.</summary>
internal sealed record Person(string Name, bool IsGirl)
{
    public string He => IsGirl ? "she" : "he";

    public string Him => IsGirl ? "her" : "him";

    public string His => IsGirl ? "her" : "his";
}

/// <summary>Word lists that several topics share.</summary>
internal static class Words
{
    public static readonly Person[] People =
    [
        .. "Anna,Lily,Mia,Emma,Sara,Lucy,Rose,Nora,Ella,Zoe,Amy,Kate,Maya,Ruby,Clara,Eva,Ida,Lena,Sue,Mary".Split(',').Select(name => new Person(name, true)),
        .. "Tom,Ben,Max,Sam,Leo,Tim,Jack,Noah,Finn,Paul,Oscar,Adam,Luke,Eric,Hugo,Peter,Dan,John,Bob,Alex".Split(',').Select(name => new Person(name, false)),
    ];

    public static readonly string[] CountedThings =
        "apples,books,balls,coins,cookies,eggs,flowers,pens,stars,stones,cups,shells,toys,cakes,nuts,cards,pears,leaves,boxes,fish".Split(',');

    public static readonly string[] Colours = "red,blue,green,yellow,orange,purple,pink,brown,black,white,grey".Split(',');

    public static readonly string[] Animals =
        "cat,dog,horse,cow,pig,sheep,goat,duck,hen,mouse,rabbit,fox,bear,wolf,lion,tiger,elephant,monkey,frog,fish,bird,owl,bee,snake,turtle,whale,hedgehog,squirrel,deer,penguin".Split(',');

    public static readonly string[] Foods = "bread,rice,soup,cake,cheese,apples,pizza,honey,carrots,cookies,pasta,salad,fish,berries".Split(',');

    public static readonly string[] Fruits = "apple,pear,banana,orange,lemon,cherry,plum,grape,peach,melon".Split(',');

    public static readonly string[] Vegetables = "carrot,potato,onion,tomato,cabbage,bean,pea,pumpkin".Split(',');

    public static readonly string[] Flowers = "rose,tulip,daisy,lily,sunflower".Split(',');

    public static readonly string[] Tools = "hammer,saw,spoon,knife,brush,shovel".Split(',');

    public static readonly string[] Vehicles = "car,bus,train,bike,boat,plane,truck".Split(',');

    public static readonly string[] Days = "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday".Split(',');

    public static readonly string[] Months = "January,February,March,April,May,June,July,August,September,October,November,December".Split(',');

    public static readonly string[] Seasons = "spring,summer,autumn,winter".Split(',');

    private static readonly string[] Onsets = "b,bl,br,d,dr,f,fl,g,gl,gr,k,kl,l,m,n,p,pl,qu,r,s,sk,sn,t,tr,v,w,z,zh".Split(',');
    private static readonly string[] Vowels = "a,e,i,o,u,oo,ee,ar,or".Split(',');
    private static readonly string[] Codas = "b,ck,d,g,l,m,mp,n,nk,p,rf,rt,sh,t,x,zz,".Split(',');

    /// <summary>A word that means nothing, so that the model learns to say that it does not know.</summary>
    public static string Invented(Dice dice)
    {
        var word = dice.Pick(Onsets) + dice.Pick(Vowels) + dice.Pick(Codas);
        return dice.Chance(0.5) ? word + dice.Pick(Onsets) + dice.Pick(Vowels) + dice.Pick(Codas) : word;
    }
}
