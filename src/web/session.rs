//! Who is signed in: a signed cookie, so that there is nothing to keep, and each instance knows it.
//!
//! Its key comes from the tokens: a session ends after twelve hours, or with the token that opened it. Every order that
//! comes with a session also shows what only a page of that session could tell (`csrf`).

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use chrono::{DateTime, TimeDelta, Utc};
use cookie::{CookieJar, Key};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::WebState;
use super::auth::Access;
use super::problem::Problem;
use crate::secret::Secret;

const NAME: &str = "session";

const LIFE: TimeDelta = TimeDelta::hours(12);

/// The sessions there can be; none without a token.
pub(super) struct Sessions(Option<Key>);

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// What the token allowed that was shown.
    pub(super) access: Access,
    /// What only pages of this session hold.
    pub(super) csrf: String,
}

/// Whoever asks for a page.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    /// What they may do.
    pub(super) access: Access,
    /// Their session, if they are signed in.
    pub(super) session: Option<Session>,
}

impl Visitor {
    /// What has to come with an order; nothing for whoever may give none.
    pub(super) fn operates(&self) -> Option<&str> {
        let session = self.session.as_ref().filter(|session| session.access == Access::Operator);
        session.map(|session| session.csrf.as_str())
    }

    /// What signing out needs.
    pub(super) fn csrf(&self) -> Option<&str> {
        self.session.as_ref().map(|session| session.csrf.as_str())
    }

    /// Whether they may see what others said.
    pub(super) fn sees_details(&self) -> bool {
        self.access > Access::Nobody
    }
}

impl Sessions {
    /// Sessions that hold as long as these tokens do.
    pub(super) fn new(operator: Option<&Secret>, reader: Option<&Secret>) -> Self {
        if operator.is_none() && reader.is_none() {
            return Self(None);
        }
        let text = |token: Option<&Secret>| token.map(|token| token.expose().to_owned()).unwrap_or_default();
        let (operator, reader) = (text(operator), text(reader));
        // Their lengths keep apart which is which.
        let root =
            format!("auto-operator, key of sessions, 1: {} {operator} {} {reader}", operator.len(), reader.len());
        Self(Some(Key::derive_from(root.as_bytes())))
    }

    /// The cookie of a new session.
    pub(super) fn begin(&self, access: Access, secure: bool, now: DateTime<Utc>) -> Option<Cookie<'static>> {
        let key = self.0.as_ref()?;
        let role = if access == Access::Operator { "operator" } else { "reader" };
        let value = format!("{role}.{}.{}", (now + LIFE).timestamp(), Uuid::now_v7().simple());
        let mut jar = CookieJar::new();
        jar.signed_mut(key).add(Cookie::new(NAME, value));
        let mut cookie = jar.get(NAME)?.clone();
        dress(&mut cookie, secure);
        cookie.set_max_age(cookie::time::Duration::seconds(LIFE.num_seconds()));
        Some(cookie)
    }

    /// The session of which `request` has the cookie, unless it is over or not of ours.
    pub(super) fn of(&self, request: &HttpRequest, now: DateTime<Utc>) -> Option<Session> {
        let cookie = request.cookie(NAME)?;
        self.read(cookie.into_owned(), now)
    }

    fn read(&self, cookie: Cookie<'static>, now: DateTime<Utc>) -> Option<Session> {
        let mut jar = CookieJar::new();
        jar.add_original(cookie);
        let cookie = jar.signed(self.0.as_ref()?).get(NAME)?;
        let mut parts = cookie.value().split('.');
        let access = match parts.next()? {
            "operator" => Access::Operator,
            "reader" => Access::Reader,
            _ => return None,
        };
        let until: i64 = parts.next()?.parse().ok()?;
        let csrf = parts.next()?.to_owned();
        (now.timestamp() < until).then_some(Session { access, csrf })
    }
}

/// The cookie that ends a session.
pub(super) fn ended(secure: bool) -> Cookie<'static> {
    let mut cookie = Cookie::new(NAME, "");
    dress(&mut cookie, secure);
    cookie.make_removal();
    cookie
}

fn dress(cookie: &mut Cookie<'_>, secure: bool) {
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Strict);
    cookie.set_secure(secure);
}

/// Whether the visitor's browser came by https, as far as the router in front says.
pub(super) fn is_secure(request: &HttpRequest) -> bool {
    request.connection_info().scheme() == "https"
}

/// Whether another site has made the browser send this.
pub(super) fn is_foreign(request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    let site = header("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return true;
    }
    // Browsers that were told to send no referrer send `null`.
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let origin = header("origin").filter(|origin| *origin != "null");
    origin.is_some_and(|origin| origin.split_once("://").is_none_or(|(_, authority)| authority != host))
}

impl WebState {
    /// Lets somebody in to see a page, or says why not.
    pub(super) fn to_see(&self, request: &HttpRequest) -> Result<Visitor, Problem> {
        let session = self.sessions.of(request, Utc::now());
        let signed_in = session.as_ref().map_or(Access::Nobody, |session| session.access);
        Ok(Visitor { access: self.door.to_see(request, signed_in)?, session })
    }

    /// Whoever gives an order by a form, which holds `csrf`: nobody, unless a page of their session held it.
    pub(super) fn to_order(&self, request: &HttpRequest, csrf: &str) -> Option<Session> {
        let session = self.sessions.of(request, Utc::now())?;
        let is_theirs: bool = session.csrf.as_bytes().ct_eq(csrf.as_bytes()).into();
        Some(session).filter(|_| is_theirs && !is_foreign(request))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn sessions(operator: &str) -> Sessions {
        Sessions::new(Some(&Secret::new(operator)), None)
    }

    #[test]
    fn a_session_holds_on_each_instance_until_it_is_over_or_the_token_changes() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let cookie = sessions("ops").begin(Access::Operator, true, now).unwrap();
        let text = cookie.to_string();
        for attribute in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/", "Max-Age=43200"] {
            assert!(text.contains(attribute), "{text}");
        }
        assert!(!text.contains("ops."));
        let read = |sessions: Sessions, cookie: &Cookie<'static>, now| sessions.read(cookie.clone(), now);
        let session = read(sessions("ops"), &cookie, now + TimeDelta::hours(11)).unwrap();
        assert_eq!((session.access, session.csrf.len()), (Access::Operator, 32));
        assert_eq!(read(sessions("ops"), &cookie, now + LIFE), None);
        assert_eq!(read(sessions("other"), &cookie, now), None);
        let forged = Cookie::new(NAME, cookie.value().replace("operator.", "operator.9"));
        assert_eq!(read(sessions("ops"), &forged, now), None);
        let unsigned = Cookie::new(NAME, "operator.99999999999.x");
        assert_eq!(read(sessions("ops"), &unsigned, now), None);
        assert!(Sessions::new(None, None).begin(Access::Operator, true, now).is_none());
    }

    #[test]
    fn what_another_site_sends_is_told_by_its_headers() {
        for (headers, foreign) in [
            (&[][..], false),
            (&[("sec-fetch-site", "same-origin")], false),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "same-site")], true),
            (&[("origin", "null")], false),
            (&[("origin", "https://status.example.org")], false),
            (&[("origin", "https://evil.example.org")], true),
        ] {
            let request = TestRequest::post().insert_header(("host", "status.example.org"));
            let request = headers.iter().fold(request, |request, header| request.insert_header(*header));
            assert_eq!(is_foreign(&request.to_http_request()), foreign, "{headers:?}");
        }
    }
}
