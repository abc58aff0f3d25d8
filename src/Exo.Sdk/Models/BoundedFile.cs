using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace Exo.Sdk.Models;

/// <summary>Opens and reads files of a model folder within bounds; every failure is a <see cref="ModelFormatException"/>.</summary>
internal static class BoundedFile
{
    /// <summary>Opens a regular file for reading, and shares it with other readers.</summary>
    public static SafeFileHandle Open(string path)
    {
        try
        {
            RefuseWhatIsNoRegularFile(path);
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ModelFormatException(path, "the file is missing", "a file", "none", innerException: error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new ModelFormatException(path, "the file cannot be opened", "a readable file", error.Message, innerException: error);
        }
    }

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/>; a file that ends before is an error, not a short read.</summary>
    public static void ReadExactly(SafeFileHandle file, string path, long offset, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int count;
            try
            {
                count = RandomAccess.Read(file, destination, offset);
            }
            catch (IOException error)
            {
                throw new ModelFormatException(path, "reading failed", found: error.Message, offset: offset, innerException: error);
            }

            if (count == 0)
            {
                throw new ModelFormatException(
                    path, "the file ends too early; was it changed while in use?", $"{destination.Length} more bytes", "the end", offset: offset);
            }

            offset += count;
            destination = destination[count..];
        }
    }

    /// <summary>Reads a whole file of at most <paramref name="maxBytes"/>.</summary>
    public static byte[] ReadAll(string path, int maxBytes)
    {
        using SafeFileHandle file = Open(path);
        long length = RandomAccess.GetLength(file);
        if (length > maxBytes)
        {
            throw new ModelFormatException(path, "the file is too large", $"at most {maxBytes} bytes", $"{length}");
        }

        byte[] text = new byte[length];
        ReadExactly(file, path, 0, text);
        return text;
    }

    /// <summary>Demands valid UTF-8. <paramref name="offset"/> is where in the file the text begins.</summary>
    public static void RequireUtf8(ReadOnlySpan<byte> text, string path, long offset)
    {
        // Checked at once and up front, because the JSON reader checks strings only when they are looked at.
        int valid = System.Text.Unicode.Utf8.IsValid(text) ? text.Length : FirstInvalid(text);
        if (valid < text.Length)
        {
            throw new ModelFormatException(path, "the text is not UTF-8", "UTF-8", $"byte 0x{text[valid]:x2}", offset: offset + valid);
        }
    }

    /// <summary>The error for JSON that the reader refused. <paramref name="offset"/> is where in the file the text begins.</summary>
    public static ModelFormatException BadJson(string path, JsonException error, long? offset) =>
        new(path, "the JSON is malformed", "well-formed JSON", HostileText.Quote(error.Message), offset: offset, innerException: error);

    private static int FirstInvalid(ReadOnlySpan<byte> text)
    {
        int at = 0;
        while (at < text.Length && Rune.DecodeFromUtf8(text[at..], out _, out int consumed) == System.Buffers.OperationStatus.Done)
        {
            at += consumed;
        }

        return at;
    }

    // Opening a named pipe waits for a writer, for ever. Pipes, devices and sockets have no length, nor has an empty file any use.
    private static void RefuseWhatIsNoRegularFile(string path)
    {
        FileSystemInfo target = File.ResolveLinkTarget(path, returnFinalTarget: true) ?? new FileInfo(path);
        if (target is FileInfo { Exists: true, Length: 0 })
        {
            throw new ModelFormatException(path, "the file is empty or not a regular file", "at least 1 byte", "0");
        }
    }
}
