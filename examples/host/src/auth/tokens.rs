//! Access tokens: signed, short-lived, and good for nothing without the account behind them.

use chrono::Utc;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Problem;

const ISSUER: &str = "crm-host";
const AUDIENCE: &str = "crm-api";
/// How long an access token is good for, in seconds.
const LIFETIME: i64 = 15 * 60;

#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    /// User id.
    pub(crate) sub: String,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: String,
    /// The login this token came from.
    pub(crate) sid: String,
    typ: String,
}

pub(crate) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Tokens {
    pub(crate) fn new(secret: &[u8]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "nbf", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = 5;
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
        }
    }

    pub(crate) fn issue(&self, user: &str, session: &str) -> Result<String, Problem> {
        let now = Utc::now().timestamp();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.to_owned(),
            exp: now + LIFETIME,
            nbf: now,
            iat: now,
            jti: Uuid::new_v4().to_string(),
            sid: session.to_owned(),
            typ: "access".to_owned(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|_| Problem::unavailable("no token can be issued now"))
    }

    pub(crate) fn verify(&self, token: &str) -> Result<Claims, Problem> {
        let refused = || Problem::unauthorized("the token is not valid or has run out");
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|_| refused())?
            .claims;
        if claims.typ == "access" {
            Ok(claims)
        } else {
            Err(refused())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_tokens_are_good() {
        let tokens = Tokens::new(&[7; 32]);
        let token = tokens.issue("u", "s").unwrap();
        assert_eq!(tokens.verify(&token).unwrap().sub, "u");
        assert!(Tokens::new(&[8; 32]).verify(&token).is_err());
        // An unsigned token: {"alg":"none"}.
        let body = token.split('.').nth(1).unwrap();
        assert!(
            tokens
                .verify(&format!("eyJhbGciOiJub25lIn0.{body}."))
                .is_err()
        );
        assert!(tokens.verify("").is_err());
    }
}
