//! One request to a party, put together before anything is sent.

use actix_web::web::Bytes;
use awc::http::Method;
use awc::http::header::{self, HeaderName, HeaderValue};
use serde::Serialize;

use super::error::{ClientError, ErrorKind};
use crate::secret::Secret;

/// A request. It is repeated once when a kept connection turns out to be dead, if that can do no harm: a GET, or
/// whatever else is marked [`Request::idempotent`].
pub struct Request<'a> {
    pub(super) method: Method,
    pub(super) url: &'a str,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Option<Bytes>,
    pub(super) secrets: Vec<Secret>,
    pub(super) idempotent: bool,
    fault: Option<String>,
}

impl<'a> Request<'a> {
    /// A request that changes nothing.
    pub fn get(url: &'a str) -> Self {
        Self::new(Method::GET, url).idempotent()
    }

    /// A POST, which is sent once only.
    pub fn post(url: &'a str) -> Self {
        Self::new(Method::POST, url)
    }

    /// A PATCH, which is sent once only.
    pub fn patch(url: &'a str) -> Self {
        Self::new(Method::PATCH, url)
    }

    fn new(method: Method, url: &'a str) -> Self {
        Self { method, url, headers: Vec::new(), body: None, secrets: Vec::new(), idempotent: false, fault: None }
    }

    /// Doing it twice does no more than doing it once (a query that comes as a POST, an update to fixed values).
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// `Authorization: Bearer`, kept out of logs and of every error of this exchange.
    pub fn bearer(self, key: &Secret) -> Self {
        let value = Secret::new(format!("Bearer {}", key.expose()));
        self.hide(key).secret_header("authorization", &value)
    }

    /// A header that anybody may see.
    pub fn header(self, name: &'static str, value: &str) -> Self {
        self.put_header(name, value, false)
    }

    /// A header whose value is kept out of logs and of every error of this exchange.
    pub fn secret_header(self, name: &'static str, value: &Secret) -> Self {
        self.hide(value).put_header(name, value.expose(), true)
    }

    /// Keeps `secret` out of every error of this exchange, for one that is part of the URL or of the body.
    pub fn hide(mut self, secret: &Secret) -> Self {
        self.secrets.push(secret.clone());
        self
    }

    /// A JSON body.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body = Some(body.into()),
            Err(error) => self.fault = Some(format!("the body could not be written as JSON: {error}")),
        }
        self.header("content-type", "application/json")
    }

    fn put_header(mut self, name: &'static str, value: &str, sensitive: bool) -> Self {
        match (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(sensitive);
                self.headers.push((name, value));
            }
            _ => self.fault = Some(format!("the value for {name} holds characters that no header may carry")),
        }
        self
    }

    /// The host that is asked, or why this cannot be sent at all.
    pub(super) fn host(&self) -> Result<String, ClientError> {
        if let Some(fault) = &self.fault {
            return Err(ClientError::new(ErrorKind::BadRequest, fault));
        }
        let invalid = || ClientError::new(ErrorKind::BadRequest, "the address is no valid http or https URL");
        let url = url::Url::parse(self.url).map_err(|_| invalid())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid());
        }
        url.host_str().map(str::to_owned).ok_or_else(invalid)
    }

    pub(super) fn to_awc(&self, client: &awc::Client) -> awc::ClientRequest {
        let mut request = client.request(self.method.clone(), self.url);
        for (name, value) in &self.headers {
            request = request.insert_header((name.clone(), value.clone()));
        }
        request.insert_header_if_none((header::ACCEPT, "application/json"))
    }
}
