//! async-tungstenite: a websocket, from the handshake to the farewell.

use async_tungstenite::tungstenite::{Error, Message};
use async_tungstenite::{accept_async, client_async};
use futures_util::StreamExt;
use stage4_async_await::{run, spawn};

use super::{later, pair};

/// Text, a megabyte, a ping that is answered on the way, and the end that both agree on.
#[test]
fn a_websocket_from_the_handshake_to_the_farewell() {
    run(async {
        let (client, server) = pair().await;
        let task = spawn(async move {
            let mut socket = accept_async(server).await.unwrap();
            let mut messages = 0;
            while let Some(message) = socket.next().await {
                let message = message.unwrap();
                messages += 1;
                if message.is_text() || message.is_binary() {
                    socket.send(message).await.unwrap();
                }
            }
            messages
        });
        let (mut socket, response) = client_async("ws://here/", client).await.unwrap();
        assert_eq!(response.status().as_u16(), 101);
        socket.send(Message::text("hello")).await.unwrap();
        socket.send(Message::Ping("are you there".into())).await.unwrap();
        socket.send(Message::binary(vec![7; 1 << 20])).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
        let pong = socket.next().await.unwrap().unwrap();
        assert_eq!(pong, Message::Pong("are you there".into()));
        assert_eq!(socket.next().await.unwrap().unwrap().len(), 1 << 20);
        socket.close(None).await.unwrap();
        assert!(matches!(socket.next().await, Some(Ok(Message::Close(None)))));
        assert!(socket.next().await.is_none());
        assert_eq!(task.await, 4);
    })
    .unwrap();
}

/// Two tasks at one socket: one reads, one sender, both through the halves of the futures crate.
#[test]
fn a_websocket_is_read_and_written_by_two_tasks() {
    run(async {
        let (client, server) = pair().await;
        let task = spawn(async move {
            let (sink, stream) = accept_async(server).await.unwrap().split();
            // Whatever comes is answered: out of the stream, into the sink.
            stream.take(100).forward(sink).await.unwrap();
        });
        let (socket, _) = client_async("ws://here/", client).await.unwrap();
        let (mut sink, stream) = socket.split();
        let writer = spawn(async move {
            for n in 0..100 {
                sink.send(Message::text(n.to_string())).await.unwrap();
                later().await;
            }
            sink
        });
        let heard = stream.take(100).map(|message| message.unwrap().to_string());
        let heard: Vec<_> = heard.collect().await;
        assert!(heard.into_iter().eq((0..100).map(|n| n.to_string())));
        drop(writer.await);
        task.await;
    })
    .unwrap();
}

/// A peer that is not a browser is told so.
#[test]
fn a_client_that_speaks_something_else_is_refused() {
    run(async {
        let (client, server) = pair().await;
        let task = spawn(accept_async(server));
        client.write_all(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
        assert!(matches!(task.await, Err(Error::Protocol(_))));
    })
    .unwrap();
}
