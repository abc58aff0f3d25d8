using Microsoft.Win32.SafeHandles;

namespace Exo.Sdk.Input;

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
    public static byte[] ReadAll(string path, long maxBytes)
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
