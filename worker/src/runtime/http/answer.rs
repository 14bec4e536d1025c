//! What becomes of an answer's body: into a variable, into a file, or the beginning of it into an error.

use std::path::Path;

use futures_util::StreamExt;
use reqwest::Response;
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use super::super::context::Context;
use super::super::file::{Fault, Temporary, blocking};
use super::explain;
use super::request::Located;

/// Largest file that an answer makes, or a request sends, in bytes.
pub(super) const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// At most `bytes_max` bytes of the body; what is behind them is not read.
///
/// # Errors
/// The answer breaks off.
pub(super) async fn beginning(response: Response, bytes_max: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| broke_off(&error))?;
        let room = bytes_max - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == bytes_max {
            break;
        }
    }
    Ok(body)
}

/// Writes the body into a file, which shows when it is whole. Returns its bytes.
///
/// # Errors
/// It cannot be written, is too large, or the answer breaks off.
pub(super) async fn to_file(
    context: &Context<'_>,
    response: Response,
    to: Located,
    overwrite: bool,
    interrupt: &CancellationToken,
) -> Result<u64, Fault> {
    let too_large = || Fault::Failed(format!("the answer has more than {FILE_BYTES_MAX} bytes"));
    if response.content_length().is_some_and(|length| length > FILE_BYTES_MAX) {
        return Err(too_large());
    }
    let Located { folder, path } = to;
    let name = path.file_name().map(std::ffi::OsStr::to_owned);
    let Some(name) = name else { return Err(Fault::Failed("`to-file` names a folder".to_owned())) };
    let (shown, temporary) = blocking(context, interrupt, move |_| {
        let beneath = folder.open()?;
        let shown = format!("cannot write {}", beneath.show(&path));
        let (folder, _) = beneath.folder_made(path.parent().unwrap_or(Path::new("")))?;
        let temporary = Temporary::create(folder, 0o666).map_err(|error| Fault::of(&shown, &error))?;
        Ok((shown, temporary))
    })
    .await?;
    let fail = |error: std::io::Error| Fault::of(&shown, &error);
    let mut file = tokio::fs::File::from_std(temporary.file.try_clone().map_err(fail)?);
    let (mut bytes, mut chunks) = (0, response.bytes_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Fault::Failed(broke_off(&error)))?;
        bytes += chunk.len() as u64;
        if bytes > FILE_BYTES_MAX {
            return Err(too_large());
        }
        file.write_all(&chunk).await.map_err(fail)?;
    }
    file.flush().await.map_err(fail)?;
    let attempted = shown.clone();
    blocking(context, interrupt, move |_| {
        temporary.publish(&name, overwrite).map_err(|error| Fault::of(&attempted, &error))
    })
    .await?;
    Ok(bytes)
}

fn broke_off(error: &reqwest::Error) -> String {
    format!("the answer broke off: {}", explain::error(error))
}
