namespace Exo.Sdk.Tokenization;
/// <summary>x</summary>
public sealed class ChatTemplate {
  /// <summary>x</summary><param name="f">x</param><returns>x</returns>
  public static ChatTemplate? Load(string f) => new();
  /// <summary>x</summary><param name="m">x</param><param name="addGenerationPrompt">x</param><returns>x</returns>
  public IReadOnlyList<TextSegment> Render(IReadOnlyList<Exo.Sdk.Inference.ChatMessage> m, bool addGenerationPrompt) {
    List<TextSegment> s = [];
    foreach (var x in m) { s.Add(new("<|im_start|>" + x.Role + "\n", true)); s.Add(new(x.Content, false)); s.Add(new("<|im_end|>\n", true)); }
    s.Add(new("<|im_start|>assistant\n", true)); return s; }
}
