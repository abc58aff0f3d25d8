// A host program with dependency injection that talks with an embedded model: two ranks as threads of this process.
// Arguments are the user's messages; without any, they are read from the keyboard.
using EmbeddedChat;
using Exo.Sdk;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

HostApplicationBuilder builder = Host.CreateApplicationBuilder();
builder.Logging.SetMinimumLevel(LogLevel.Warning);
builder.Services.AddExoCluster(cluster => cluster
    .UseModel(TinyModel.Path)
    .UseLocalRanks(2)
    .UseContextLength(512));
builder.Services.AddSingleton(new Script(args));
builder.Services.AddHostedService<ChatService>();
await builder.Build().RunAsync();
