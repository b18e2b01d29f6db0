//! What answers beside the routes: other methods, unknown paths, paths without a version.

use reqwest::{Method, StatusCode};

use super::support::app::{TestApp, answer, user};

both_engines! {
    async fn strangers_do_not_learn_what_there_is(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let root = app.base().trim_end_matches("/scim/v2").to_owned();
        let stranger = reqwest::Client::builder().build().expect("a client");
        for (method, path, known) in [
            (Method::GET, "/scim/v2/Nothing", 404),
            (Method::GET, "/scim/v1/Users", 404),
            (Method::PUT, "/scim/v2/Users", 405),
            (Method::POST, "/scim/v2/Groups/x", 405),
            (Method::GET, "/admin/v1/nothing", 404),
            (Method::DELETE, "/admin/v1/status", 405),
        ] {
            let url = format!("{root}{path}");
            let refused = answer(stranger.request(method.clone(), &url)).await;
            assert_eq!(refused.status, 401, "{method} {path}");
            assert!(refused.headers.contains_key("www-authenticate") && !refused.headers.contains_key("allow"));
            assert_eq!(app.send(method.clone(), &url, None).await.status.as_u16(), known, "{method} {path}");
        }
        // Elsewhere there is nothing to hide.
        assert_eq!(answer(stranger.get(format!("{root}/nothing"))).await.status, 404);
        assert_eq!(answer(stranger.put(format!("{root}/healthz"))).await.status, 405);
    }

    async fn head_is_get_without_the_body(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let id = app.user("ada").await;
        for path in ["/Users".to_owned(), format!("/Users/{id}"), "/Schemas".to_owned(), "/Users/nobody".to_owned()] {
            let got = app.get(&path).await;
            let head = app.send(Method::HEAD, &path, None).await;
            assert_eq!(head.status, got.status, "{path}");
            assert!(head.body.is_null(), "{path}");
            for name in ["content-type", "content-length", "etag"] {
                assert_eq!(head.headers.get(name), got.headers.get(name), "{path}: {name}");
            }
        }
        let refused = app.put("/Users", &user("bob")).await;
        assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(refused.headers["allow"], "GET, HEAD, POST");
    }

    async fn a_path_without_a_version_means_the_one_there_is(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let base = app.base().replace("/scim/v2", "/scim");
        let made = app.post(&format!("{base}/Users"), &user("ada")).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let id = made.body["id"].as_str().expect("an id");
        let location = made.body["meta"]["location"].as_str().expect("an address");
        assert_eq!(location, format!("{}/Users/{id}", app.base()));
        for path in [format!("{base}/Users/{id}"), format!("{base}/users/{id}/")] {
            assert_eq!(app.get(&path).await.body["id"], id, "{path}");
        }
        assert_eq!(app.get(&format!("{base}/ServiceProviderConfig")).await.status, 200);
        assert_eq!(app.get(&format!("{base}/v1/Users")).await.status, 404);
    }
}
