//! tokio-util's codecs, through its `compat`: what is written for tokio's traits is task by
//! those of the futures crate, and needs no tokio to run on.

use futures_util::{SinkExt, StreamExt, TryStreamExt};
use hyper::body::Bytes;
use stage4_async_await::{run, spawn};
use tokio_util::codec::{Framed, LengthDelimitedCodec, LinesCodec};
use tokio_util::compat::FuturesAsyncReadCompatExt;

use super::{later, pair};

/// Lines, however they are cut on the way.
#[test]
fn lines_by_a_codec() {
    run(async {
        let (client, server) = pair().await;
        let task = spawn(async move {
            let mut lines = Framed::new(server.compat(), LinesCodec::new());
            let mut heard = Vec::new();
            while let Some(line) = lines.next().await {
                heard.push(line.unwrap());
                lines.send(heard.last().unwrap().to_uppercase()).await.unwrap();
            }
            heard
        });
        for bytes in ["he", "llo\r\nwo", "rld\n"] {
            client.write_all(bytes.as_bytes()).await.unwrap();
            later().await;
        }
        let mut answers = Framed::new(client.compat(), LinesCodec::new());
        assert_eq!(answers.next().await.unwrap().unwrap(), "HELLO");
        assert_eq!(answers.next().await.unwrap().unwrap(), "WORLD");
        drop(answers);
        assert_eq!(task.await, ["hello", "world"]);
    })
    .unwrap();
}

/// Frames that say how long they are, a thousand of them, with an end in order.
#[test]
fn frames_by_their_length() {
    run(async {
        let (client, server) = pair().await;
        let task = spawn(async move {
            let frames = Framed::new(server.compat(), LengthDelimitedCodec::new());
            let (sink, stream) = frames.split::<Bytes>();
            stream.map_ok(Bytes::from).forward(sink).await.unwrap();
        });
        let frames = Framed::new(client.compat(), LengthDelimitedCodec::new());
        let (mut sink, stream) = frames.split::<Bytes>();
        let writer = spawn(async move {
            for n in 0..1000_usize {
                sink.feed(vec![7; n].into()).await.unwrap();
            }
            sink.close().await.unwrap();
        });
        let lengths = stream.map(|frame| frame.unwrap().len()).collect::<Vec<_>>().await;
        assert!(lengths.into_iter().eq(0..1000));
        writer.await;
        task.await;
    })
    .unwrap();
}
