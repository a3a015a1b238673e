//! The echo server of stage 5 without streams: a protocol, and so no task for a connection. Its
//! streams are compared with it, and it with uvloop's.

use std::cell::OnceCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use site::Control;
use stage5_asyncio::protocols::Protocol;
use stage5_asyncio::transports::Transport;
use stage5_asyncio::{get_running_loop, run};

pub(crate) fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    run(async move {
        let server = get_running_loop().create_server(Echo::default, address).await?;
        control.listening(server.sockets()[0]);
        poll_fn(|context| control.poll_stopped(context)).await;
        Ok(())
    })?
}

#[derive(Default)]
struct Echo(OnceCell<Rc<dyn Transport>>);

impl Echo {
    fn transport(&self) -> &dyn Transport {
        &**self.0.get().expect("it is connected")
    }
}

impl Protocol for Echo {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        let _ = self.0.set(transport);
    }

    fn data_received(&self, data: &[u8]) {
        self.transport().write(data);
    }

    /// Who does not read what comes back is not read from.
    fn pause_writing(&self) {
        self.transport().pause_reading();
    }

    fn resume_writing(&self) {
        self.transport().resume_reading();
    }
}
