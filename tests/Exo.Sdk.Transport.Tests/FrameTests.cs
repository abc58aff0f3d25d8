using System.Buffers;
using System.IO.Pipelines;
using CsCheck;
using Exo.Sdk.Transport.Framing;

namespace Exo.Sdk.Transport.Tests;

public sealed class FrameTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task A_frame_survives_arrival_byte_by_byte()
    {
        byte[] wire = await EncodeAsync((7, 42, [1, 2, 3]), (8, ulong.MaxValue, []));
        Pipe pipe = new();
        FrameReader reader = new(pipe.Reader);
        Task writer = Task.Run(async () =>
        {
            foreach (byte one in wire)
            {
                await pipe.Writer.WriteAsync(new[] { one });
            }

            await pipe.Writer.CompleteAsync();
        });

        using (Frame? first = await reader.ReadAsync().AsTask().WaitAsync(Patience))
        {
            (first!.Type, first.Epoch).Should().Be((7, 42));
            first.Payload.ToArray().Should().Equal(1, 2, 3);
        }

        using (Frame? second = await reader.ReadAsync().AsTask().WaitAsync(Patience))
        {
            (second!.Type, second.Epoch, second.Payload.Length).Should().Be((8, ulong.MaxValue, 0));
        }

        (await reader.ReadAsync().AsTask().WaitAsync(Patience)).Should().BeNull("the stream ended between two frames");
        await writer;
    }

    [Fact]
    public void Any_frames_in_any_fragments_come_out_as_they_went_in()
    {
        Gen.Select(
            Gen.Select(Gen.UShort, Gen.ULong, Gen.Byte.Array[0, 300]).Array[0, 8],
            Gen.Int[1, 97])
            .Sample((frames, step) =>
            {
                byte[] wire = EncodeAsync([.. frames]).GetAwaiter().GetResult();
                Pipe pipe = new(new PipeOptions(pauseWriterThreshold: 0));
                FrameReader reader = new(pipe.Reader);
                int at = 0;
                foreach ((ushort type, ulong epoch, byte[] payload) in frames)
                {
                    ValueTask<Frame?> read = reader.ReadAsync();
                    while (!read.IsCompleted && at < wire.Length)
                    {
                        int count = Math.Min(step, wire.Length - at);
                        pipe.Writer.Write(wire.AsSpan(at, count));
                        at += count;
                        pipe.Writer.FlushAsync().AsTask().Wait(Patience).Should().BeTrue();
                    }

                    using Frame? frame = read.AsTask().WaitAsync(Patience).GetAwaiter().GetResult();
                    if (frame!.Type != type || frame.Epoch != epoch || !frame.Payload.Span.SequenceEqual(payload))
                    {
                        return false;
                    }
                }

                return true;
            }, iter: 300);
    }

    [Fact]
    public void Random_bytes_give_frames_or_a_protocol_error_and_nothing_else()
    {
        Gen.Byte.Array[0, 200].Sample(
            bytes =>
            {
                FrameReader reader = new(PipeReader.Create(new MemoryStream(bytes)), maxPayload: 64);
                try
                {
                    while (reader.ReadAsync().AsTask().GetAwaiter().GetResult() is { } frame)
                    {
                        frame.Payload.Length.Should().BeLessThanOrEqualTo(64);
                        frame.Dispose();
                    }
                }
                catch (ProtocolException)
                {
                }
            }, iter: 2000);
    }

    [Theory]
    [InlineData(1001u)]
    [InlineData(uint.MaxValue)]
    public async Task A_length_beyond_the_limit_is_refused_from_the_header_alone(uint claimed)
    {
        byte[] header = new byte[FrameHeader.Size];
        new FrameHeader(claimed, 5, 0).Write(header);
        Pipe pipe = new();
        await pipe.Writer.WriteAsync(header);
        FrameReader reader = new(pipe.Reader, maxPayload: 1000);

        Func<Task> read = () => reader.ReadAsync().AsTask().WaitAsync(Patience);

        (await read.Should().ThrowAsync<ProtocolException>()).WithMessage($"*type 5 claims {claimed} bytes*at most 1000*");
        await read.Should().ThrowAsync<ProtocolException>("the stream has no boundary any more");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(FrameHeader.Size - 1)]
    [InlineData(FrameHeader.Size)]
    [InlineData(FrameHeader.Size + 2)]
    public async Task A_stream_that_ends_inside_a_frame_is_an_error(int length)
    {
        byte[] wire = await EncodeAsync((1, 0, [1, 2, 3]));
        FrameReader reader = new(PipeReader.Create(new MemoryStream(wire[..length])));

        Func<Task> read = () => reader.ReadAsync().AsTask();

        (await read.Should().ThrowAsync<ProtocolException>()).WithMessage($"*inside a frame, after {length} bytes*");
    }

    [Fact]
    public async Task A_payload_beyond_the_limit_is_not_sent()
    {
        Pipe pipe = new();
        FrameWriter writer = new(pipe.Writer, maxPayload: 10);

        Func<Task> send = () => writer.WriteAsync(1, 0, new byte[11]).AsTask();

        await send.Should().ThrowAsync<ProtocolException>();
        pipe.Reader.TryRead(out _).Should().BeFalse();
        await writer.WriteAsync(1, 0, new byte[10]);
    }

    [Fact]
    public async Task Cancelling_a_read_leaves_the_stream_readable()
    {
        Pipe pipe = new();
        FrameReader reader = new(pipe.Reader);
        using CancellationTokenSource cancel = new();
        Task<Frame?> read = reader.ReadAsync(cancel.Token).AsTask();
        byte[] wire = await EncodeAsync((3, 0, [9]));
        await pipe.Writer.WriteAsync(wire.AsMemory(0, 5));
        await cancel.CancelAsync();
        await FluentActions.Awaiting(() => read).Should().ThrowAsync<OperationCanceledException>();

        await pipe.Writer.WriteAsync(wire.AsMemory(5));

        using Frame? frame = await reader.ReadAsync().AsTask().WaitAsync(Patience);
        frame!.Payload.ToArray().Should().Equal(9);
    }

    [Fact]
    public async Task A_reader_that_stops_holds_its_senders_and_a_cancelled_send_still_goes_out_whole()
    {
        Pipe pipe = new(new PipeOptions(pauseWriterThreshold: 64, resumeWriterThreshold: 32));
        FrameWriter writer = new(pipe.Writer);
        using CancellationTokenSource cancel = new();
        byte[] payload = [.. Enumerable.Range(0, 100).Select(i => (byte)i)];
        Task begun = writer.WriteAsync(1, 0, payload, cancel.Token).AsTask();
        using CancellationTokenSource cancelSecond = new();
        Task queued = writer.WriteAsync(2, 0, payload, cancelSecond.Token).AsTask();
        Task last = writer.WriteAsync(3, 0, new byte[1]).AsTask();
        begun.IsCompleted.Should().BeFalse("the pipe is full");

        await cancel.CancelAsync();
        await cancelSecond.CancelAsync();
        await FluentActions.Awaiting(() => begun).Should().ThrowAsync<OperationCanceledException>();
        await FluentActions.Awaiting(() => queued).Should().ThrowAsync<OperationCanceledException>();
        payload.AsSpan().Fill(0xEE); // The caller may reuse its memory at once.

        FrameReader reader = new(pipe.Reader);
        using Frame? first = await reader.ReadAsync().AsTask().WaitAsync(Patience);
        first!.Type.Should().Be(1);
        first.Payload.ToArray().Should().Equal(Enumerable.Range(0, 100).Select(i => (byte)i));
        using Frame? third = await reader.ReadAsync().AsTask().WaitAsync(Patience);
        third!.Type.Should().Be(3, "the frame that had not begun was not sent");
        await last.WaitAsync(Patience);
    }

    [Fact]
    public async Task The_payload_is_gone_once_the_frame_is_disposed()
    {
        byte[] wire = await EncodeAsync((1, 0, [1]));
        Frame frame = (await new FrameReader(PipeReader.Create(new MemoryStream(wire))).ReadAsync())!;
        frame.Dispose();
        frame.Dispose();

        frame.Invoking(f => f.Payload).Should().Throw<ObjectDisposedException>();
    }

    [Fact]
    public async Task The_layout_on_the_wire_is_length_type_epoch_payload()
    {
        byte[] wire = await EncodeAsync((0x1234, 0x1122334455667788, [0xAB, 0xCD]));

        wire.Should().Equal(2, 0, 0, 0, 0x34, 0x12, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0xAB, 0xCD);
    }

    private static async Task<byte[]> EncodeAsync(params (ushort Type, ulong Epoch, byte[] Payload)[] frames)
    {
        using MemoryStream stream = new();
        FrameWriter writer = new(PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true)));
        foreach ((ushort type, ulong epoch, byte[] payload) in frames)
        {
            await writer.WriteAsync(type, epoch, payload);
        }

        return stream.ToArray();
    }
}
