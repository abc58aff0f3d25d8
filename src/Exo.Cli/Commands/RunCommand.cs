using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text;
using Exo.Cli.Output;
using Exo.Sdk;

namespace Exo.Cli.Commands;

/// <summary><c>exo run</c>: generates text. Standard output carries the text alone, everything else goes to standard error.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        Argument<string?> message = new("message")
        {
            Description = "What to say to the model. Without it: a conversation on a terminal, or the message from standard input.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<string?> raw = new("--raw")
        {
            Description = "Continues this text as it is, without a chat template; the begin token goes before it.",
            HelpName = "TEXT",
        };
        Option<string?> system = new("--system")
        {
            Description = "A system message.",
            HelpName = "TEXT",
        };
        Option<bool> quiet = new("--quiet", "-q")
        {
            Description = "No figures on standard error.",
        };
        ClusterArguments cluster = new();
        GenerationArguments generation = new();
        Command command = new("run", "Generates text from a message, from raw text, or in a conversation.") { message };
        cluster.AddTo(command);
        generation.AddTo(command);
        command.Options.Add(raw);
        command.Options.Add(system);
        command.Options.Add(quiet);
        command.SetWork(async (result, cancellationToken) =>
        {
            GenerationOptions options = generation.Read(result);
            ClusterBuilder builder = cluster.Read(result);
            string? said = result.GetValue(message);
            if (said is ['-', ..] && result.Tokens.All(token => token.Type != TokenType.DoubleDash))
            {
                throw new ConfigurationException($"There is no option '{said}'. A message that begins with a dash goes behind --.");
            }

            string? text = result.GetValue(raw);
            if (said is null && text is null && Console.IsInputRedirected)
            {
                said = (await ReadAsync(Console.In.ReadToEnd, cancellationToken).ConfigureAwait(false))!.TrimEnd('\n', '\r');
            }

            if (text is null && said is not null && string.IsNullOrWhiteSpace(said))
            {
                throw new ConfigurationException(
                    "The message is empty. Give it as an argument or on standard input; --raw \"\" continues from the begin token alone.");
            }

            Cluster running = await ClusterArguments.StartAsync(builder, cancellationToken).ConfigureAwait(false);
            await using (running.ConfigureAwait(false))
            {
                using TextOutput output = new();
                Conversation conversation = new(running, options, output, result.GetValue(system), result.GetValue(quiet));
                if (text is not null)
                {
                    await conversation.AnswerAsync(Prompt.Raw(text), cancellationToken).ConfigureAwait(false);
                }
                else if (said is not null)
                {
                    await conversation.SayAsync(said, cancellationToken).ConfigureAwait(false);
                }
                else
                {
                    await conversation.TalkAsync(cancellationToken).ConfigureAwait(false);
                }
            }
        });
        return command;
    }

    /// <summary>Reads standard input such that Ctrl-C ends the wait: the console's own asynchronous methods block.</summary>
    private static Task<string?> ReadAsync(Func<string?> read, CancellationToken cancellationToken) =>
        Task.Run(read, cancellationToken).WaitAsync(cancellationToken);

    /// <summary>The messages so far and where answers go.</summary>
    private sealed class Conversation(Cluster cluster, GenerationOptions options, TextOutput output, string? system, bool isQuiet)
    {
        private readonly List<ChatMessage> _messages = system is null ? [] : [new ChatMessage("system", system)];
        private bool _hasToldWhy = cluster.Plan.WorldSize == 1;

        public async Task TalkAsync(CancellationToken cancellationToken)
        {
            SafeConsole.WriteErrorLine("Type a message; an empty line or the end of input leaves.");
            while (true)
            {
                SafeConsole.WriteError("> ");
                string? line = await ReadAsync(Console.In.ReadLine, cancellationToken).ConfigureAwait(false);
                if (string.IsNullOrWhiteSpace(line))
                {
                    return;
                }

                await SayAsync(line, cancellationToken).ConfigureAwait(false);
                output.Write("\n");
            }
        }

        public async Task SayAsync(string message, CancellationToken cancellationToken)
        {
            if (!cluster.HasChatTemplate)
            {
                await AnswerAsync(Prompt.Raw(message), cancellationToken).ConfigureAwait(false);
                return;
            }

            _messages.Add(new ChatMessage("user", message));
            string answer = await AnswerAsync(Prompt.Chat([.. _messages]), cancellationToken).ConfigureAwait(false);
            _messages.Add(new ChatMessage("assistant", answer));
        }

        public async Task<string> AnswerAsync(Prompt prompt, CancellationToken cancellationToken)
        {
            StringBuilder answer = new();
            await foreach (GeneratedToken token in cluster.GenerateAsync(prompt, options, cancellationToken).ConfigureAwait(false))
            {
                output.Write(token.Text);
                answer.Append(token.Text);
                if (token.Usage is { } usage && !isQuiet)
                {
                    SafeConsole.WriteErrorLine(string.Create(
                        CultureInfo.InvariantCulture,
                        $"{(Console.IsErrorRedirected || Console.IsOutputRedirected ? "" : "\n")}[{cluster.Plan.WorldSize} ranks over {cluster.Transport}, prompt {usage.PromptTokens} tokens at {usage.PrefillTokensPerSecond:F1} tok/s, generated {usage.GeneratedTokens} at {usage.DecodeTokensPerSecond:F1} tok/s, {token.FinishReason}]"));
                    if (!_hasToldWhy)
                    {
                        _hasToldWhy = true;
                        SafeConsole.WriteErrorLine($"[over {cluster.Transport}: {cluster.TransportReason}]");
                    }
                }
            }

            return answer.ToString();
        }
    }
}
