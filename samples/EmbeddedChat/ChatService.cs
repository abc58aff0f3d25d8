using Exo.Sdk;
using Microsoft.Extensions.Hosting;

namespace EmbeddedChat;

/// <summary>The user's messages, where they come from the command line.</summary>
public sealed record Script(IReadOnlyList<string> Messages);

/// <summary>Asks, streams the answer, and remembers both.</summary>
public sealed class ChatService(ClusterProvider clusters, Script script, IHostApplicationLifetime lifetime) : BackgroundService
{
    private readonly List<ChatMessage> _messages = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            Cluster cluster = await clusters.GetAsync(stoppingToken);
            await foreach (string message in ReadMessagesAsync(stoppingToken))
            {
                await AnswerAsync(cluster, message, stoppingToken);
            }
        }
        finally
        {
            lifetime.StopApplication();
        }
    }

    private async Task AnswerAsync(Cluster cluster, string message, CancellationToken cancellationToken)
    {
        _messages.Add(new ChatMessage("user", message));
        string answer = "";
        await foreach (GeneratedToken token in cluster.GenerateAsync(Prompt.Chat(_messages), GenerationOptions.Greedy, cancellationToken))
        {
            Console.Write(token.Text);
            answer += token.Text;
        }

        Console.WriteLine();
        _messages.Add(new ChatMessage("assistant", answer));
    }

    private async IAsyncEnumerable<string> ReadMessagesAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (string message in script.Messages)
        {
            Console.WriteLine($"> {message}");
            yield return message;
        }

        while (script.Messages.Count == 0)
        {
            Console.Write("> ");
            string? line = await Console.In.ReadLineAsync(cancellationToken);
            if (string.IsNullOrWhiteSpace(line))
            {
                yield break;
            }

            yield return line;
        }
    }
}
