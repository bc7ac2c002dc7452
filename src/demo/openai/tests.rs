//! The stand-in of OpenAI, over real HTTP.

use serde_json::{Value, json};

use super::super::test_client::{Seen, call};
use super::*;

async fn ask(openai: &OpenAi, method: &str, path: &str, body: &Value) -> Seen {
    let key = format!("Bearer {}", openai.key());
    call(method, &format!("{}/{path}", openai.url()), &[("Authorization", &key)], body).await
}

#[actix_web::test]
async fn completions_are_refused_where_the_real_ones_are() {
    let openai = OpenAi::start().unwrap();
    let ping = json!([{"role": "user", "content": "ping"}]);
    let body = |model: &str, more: Value| {
        let mut body = json!({"model": model, "messages": ping});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (body, status, code, content) in [
        (body("gpt-4o-mini", json!({"max_tokens": 16})), 200, "", "ping-ok"),
        (body("gpt-4o-mini", json!({"max_completion_tokens": 1})), 200, "", "ping"),
        (body("gpt-6-luna", json!({"max_completion_tokens": 16})), 200, "", "ping-ok"),
        (body("gpt-6-luna", json!({"max_completion_tokens": 4})), 200, "", ""),
        (body("gpt-6-luna", json!({"max_completion_tokens": 1})), 400, "", ""),
        (body("gpt-6-luna", json!({"max_tokens": 16})), 400, "unsupported_parameter", ""),
        (body("gpt-6-luna", json!({"temperature": 0})), 400, "unsupported_value", ""),
        (body("gpt-4o-mini", json!({"max_tokens": 0})), 400, "integer_below_min_value", ""),
        (body("gpt-4o-mini", json!({"max_token": 16})), 400, "unknown_parameter", ""),
        (body("gpt-3.5-turbo", json!({})), 404, "model_not_found", ""),
        (json!({"messages": ping}), 400, "", ""),
        (json!({"model": "gpt-4o-mini"}), 400, "missing_required_parameter", ""),
        (json!({"model": "gpt-4o-mini", "messages": []}), 400, "invalid_type", ""),
    ] {
        let seen = ask(&openai, "POST", "chat/completions", &body).await;
        let said = seen.body["choices"][0]["message"]["content"].as_str().unwrap_or_default();
        let refused = seen.body["error"]["code"].as_str().unwrap_or_default();
        assert_eq!((seen.status, refused, said), (status, code, content), "{body}: {}", seen.body);
        assert!(seen.header("x-request-id").starts_with("req_"));
    }
}

#[actix_web::test]
async fn an_empty_account_still_lists_its_models_and_a_revoked_key_does_not() {
    let openai = OpenAi::start().unwrap();
    let chat = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "ping"}]});
    openai.quota_exhausted();
    let seen = ask(&openai, "POST", "chat/completions", &chat).await;
    assert_eq!((seen.status, &seen.body["error"]["type"]), (429, &json!("insufficient_quota")));
    assert_eq!(seen.header("retry-after"), "");
    assert_eq!(ask(&openai, "GET", "models", &Value::Null).await.body["data"][0]["id"], "gpt-4o-mini");
    openai.rate_limited(7);
    let seen = ask(&openai, "GET", "models", &Value::Null).await;
    assert_eq!((seen.status, seen.header("retry-after")), (429, "7"));
    openai.comes_back();
    openai.revoke_key();
    let seen = ask(&openai, "GET", "models/gpt-4o", &Value::Null).await;
    assert_eq!((seen.status, &seen.body["error"]["code"]), (401, &json!("invalid_api_key")));
    openai.goes_down();
    assert_eq!(ask(&openai, "GET", "models", &Value::Null).await.body["error"]["type"], "server_error");
    openai.comes_back();
    assert_eq!(ask(&openai, "GET", "models", &Value::Null).await.status, 200);
}

#[actix_web::test]
async fn the_proxy_knows_completions_but_no_models() {
    let openai = OpenAi::start().unwrap();
    let chat = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "ping"}]});
    let headers = [("Authorization", "Bearer _DUMMY_API_KEY_")];
    let url = |path: &str| format!("{}/{path}", openai.proxy_url());
    assert_eq!(call("POST", &url("chat/completions"), &headers, &chat).await.status, 200);
    assert_eq!(call("GET", &url("models"), &headers, &Value::Null).await.status, 404);
}
