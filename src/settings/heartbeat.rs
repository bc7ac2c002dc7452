//! The dead man's switch: whom the service pings, so that somebody notices when it no longer does.

use super::problem::Fault;
use super::reader::Reader;
use super::values::{is_readable_on_the_way, token};
use super::variables::HEARTBEAT_URL;
use crate::clients::heartbeat::Address;

/// Reads it; `None` if it is off or faulty.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Address> {
    let (address, is_readable) = reader.given(HEARTBEAT_URL, address)?;
    if is_readable {
        reader.warn(format!("{} is plain http to another machine: it can be read on the way", HEARTBEAT_URL.name));
    }
    Some(address)
}

/// The address, and whether it can be read on the way. Nothing of the text is shown in a fault: it is the key.
fn address(text: &str) -> Result<(Address, bool), Fault> {
    token(text)?;
    let right = "the address as its service shows it, such as https://hc-ping.com/your-uuid";
    let address = Address::parse(text).map_err(|wrong| Fault::new(wrong, right))?;
    Ok((address, is_readable_on_the_way(text)))
}
