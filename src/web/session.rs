//! Who is signed in: a signed cookie, so that there is nothing to keep, and each instance knows it.
//!
//! Its key comes from the tokens: a session ends after twelve hours, or with the token that opened it. Every order that
//! comes with a session also shows what only a page of that session could tell (`csrf`).
//!
//! What came of an order is a cookie as well, of one page's life: no address has the page claim that something was done.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use chrono::{DateTime, TimeDelta, Utc};
use cookie::{CookieJar, Key};
use subtle::ConstantTimeEq;
use url::Url;
use uuid::Uuid;

use super::WebState;
use super::auth::Access;
use super::problem::Problem;
use crate::secret::Secret;

/// What the cookie is called.
pub(super) const NAME: &str = "session";

const LIFE: TimeDelta = TimeDelta::hours(12);

/// The cookie that names what came of an order.
const DID: &str = "did";

/// How long the page that says so may take to come, in seconds.
const DID_LIFE: i64 = 60;

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

/// The cookie that has the next page say what `name` stands for.
pub(super) fn did(name: &'static str, secure: bool) -> Cookie<'static> {
    let mut cookie = Cookie::new(DID, name);
    dress(&mut cookie, secure);
    cookie.set_max_age(cookie::time::Duration::seconds(DID_LIFE));
    cookie
}

/// What the page is to say came of the last order, by its name.
pub(super) fn what_was_done(request: &HttpRequest) -> Option<String> {
    request.cookie(DID).map(|cookie| cookie.value().to_owned())
}

/// The cookie after which nothing more is said of it.
pub(super) fn said(secure: bool) -> Cookie<'static> {
    let mut cookie = Cookie::new(DID, "");
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

/// Whether another site has made the browser send this, where `public_url` is what we are known as.
///
/// A browser that says itself where a request comes from is believed: it sends that only where nobody in between can change
/// it. Otherwise the origin has to be ours: as we were asked, before or behind the router in front, or as we are known.
pub(super) fn is_foreign(request: &HttpRequest, public_url: Option<&str>) -> bool {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = header("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    // Browsers that were told to send no referrer send `null`.
    let Some(origin) = header("origin").filter(|origin| *origin != "null") else { return false };
    let Ok(origin) = Url::parse(origin) else { return true };
    let is_it = |ours: &str| Url::parse(ours).is_ok_and(|ours| ours.origin() == origin.origin());
    // Which scheme the browser came by is lost behind many a router.
    let as_asked = |host: &str| is_it(&format!("{}://{host}", origin.scheme()));
    let is_ours = header("host").is_some_and(as_asked)
        || as_asked(request.connection_info().host())
        || public_url.is_some_and(is_it);
    !is_ours
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
        Some(session).filter(|_| is_theirs && !is_foreign(request, self.settings.public_url.as_deref()))
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
        const PUBLIC: Option<&str> = Some("https://status.example.org/");
        let ours = ("origin", "https://status.example.org");
        let inside = ("host", "10.0.0.5:5000");
        for (headers, public_url, foreign) in [
            (&[][..], None, false),
            (&[("sec-fetch-site", "same-origin")], None, false),
            (&[("sec-fetch-site", "none")], None, false),
            (&[("sec-fetch-site", "cross-site")], None, true),
            (&[("sec-fetch-site", "same-site")], None, true),
            (&[("sec-fetch-site", "same-site"), ours], PUBLIC, true),
            (&[("origin", "null")], None, false),
            (&[ours], None, false),
            (&[("origin", "https://status.example.org:8443")], PUBLIC, true),
            (&[("origin", "https://evil.example.org")], PUBLIC, true),
            (&[("origin", "status.example.org")], PUBLIC, true),
            (&[ours, ("host", "status.example.org:443")], None, false),
            // A router in front names us otherwise.
            (&[ours, inside, ("sec-fetch-site", "same-origin")], None, false),
            (&[ours, inside], None, true),
            (&[ours, inside], PUBLIC, false),
            (&[ours, inside], Some("http://status.example.org"), true),
            (&[ours, inside, ("x-forwarded-host", "status.example.org")], None, false),
            (&[("origin", "https://evil.example.org"), inside], PUBLIC, true),
        ] {
            let request = TestRequest::post().insert_header(("host", "status.example.org"));
            let request = headers.iter().fold(request, |request, header| request.insert_header(*header));
            assert_eq!(is_foreign(&request.to_http_request(), public_url), foreign, "{headers:?} {public_url:?}");
        }
    }
}
