//! A connection whose client may not keep an answer waiting for ever: one that takes nothing for too long is an
//! error, and with it the connection ends. Reading is bounded elsewhere, by head and by request.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// The connection, and until when it may take nothing.
pub(super) struct Patient<C> {
    connection: C,
    wait_max: Duration,
    /// Set while something waits to be taken.
    until: Option<Pin<Box<Sleep>>>,
}

impl<C> Patient<C> {
    pub(super) fn new(connection: C, wait_max: Duration) -> Self {
        Self { connection, wait_max, until: None }
    }

    /// `written`, unless it has been pending for too long.
    fn in_time<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.until = None;
            return written;
        }
        let wait_max = self.wait_max;
        let until = self.until.get_or_insert_with(|| Box::pin(sleep(wait_max)));
        match until.as_mut().poll(context) {
            Poll::Ready(()) => {
                // Asked once more, it waits again rather than panics.
                until.as_mut().reset(Instant::now() + wait_max);
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Patient<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(context, buffer)
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Patient<C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.connection).poll_write(context, bytes);
        self.in_time(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.connection).poll_write_vectored(context, pieces);
        self.in_time(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.connection).poll_flush(context);
        self.in_time(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.connection).poll_shutdown(context);
        self.in_time(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_for_too_long_is_given_up() {
        let (near, mut far) = duplex(4);
        let mut patient = Patient::new(near, Duration::from_secs(30));
        // Slow, but it takes: each piece begins the wait anew.
        let slow = tokio::spawn(async move {
            let mut taken = [0; 4];
            for _ in 0..4 {
                sleep(Duration::from_secs(20)).await;
                far.read_exact(&mut taken).await.unwrap();
            }
            far
        });
        patient.write_all(&[7; 20]).await.unwrap();
        let _far = slow.await.unwrap();
        let given_up = tokio::time::timeout(Duration::from_secs(31), patient.write_all(&[7; 20])).await;
        let error = given_up.expect("it is given up in time").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
