// The accounts service, as this application uses it: code flow with PKCE, refresh, sign-out.

import * as openid from "openid-client";

import { isSecure } from "./settings.js";

const ANSWERS_WITHIN_S = 10;
const RENEWED_BEFORE_S = 30; // a token that is about to run out is as good as none

export class Provider {
  #settings;
  #found;
  #back;

  constructor(settings) {
    this.#settings = settings;
    this.#back = `${settings.origin}/signed-in`;
  }

  /** Begin a sign-in: return where the browser goes, and what must be known when it comes back. */
  async begin() {
    const begun = {
      state: openid.randomState(),
      nonce: openid.randomNonce(),
      verifier: openid.randomPKCECodeVerifier(),
    };
    const url = openid.buildAuthorizationUrl(await this.#configuration(), {
      redirect_uri: this.#back,
      scope: "openid profile email",
      state: begun.state,
      nonce: begun.nonce,
      code_challenge: await openid.calculatePKCECodeChallenge(begun.verifier),
      code_challenge_method: "S256",
    });
    return { url, begun };
  }

  /** End a sign-in: return who came back. Throws where anything does not fit what was begun. */
  async end(query, begun) {
    const answer = new URL(`${this.#back}${query}`);
    const tokens = await openid.authorizationCodeGrant(await this.#configuration(), answer, {
      expectedState: begun.state,
      expectedNonce: begun.nonce,
      pkceCodeVerifier: begun.verifier,
      idTokenExpected: true,
    });
    const session = { idToken: tokens.id_token, person: person(tokens.claims()) };
    return keep(session, tokens);
  }

  /**
   * Bring a session up to date once its access token has run out, or `now`; return whether it
   * goes on. It does not where its person has signed out over there, or is let in no more.
   */
  async refresh(session, { now = false } = {}) {
    if (!now && session.ends > Date.now()) return true;
    // A refresh token is good once: requests at the same time share it.
    session.refreshing ??= this.#refresh(session).finally(() => delete session.refreshing);
    return session.refreshing;
  }

  /** Give the tokens back; return where the browser goes to sign out there as well. */
  async leave(session) {
    const configuration = await this.#configuration();
    if (session.refreshToken) await openid.tokenRevocation(configuration, session.refreshToken);
    return openid.buildEndSessionUrl(configuration, {
      id_token_hint: session.idToken,
      post_logout_redirect_uri: `${this.#settings.origin}/`,
    });
  }

  async #refresh(session) {
    if (!session.refreshToken) return false;
    const configuration = await this.#configuration();
    try {
      const tokens = await openid.refreshTokenGrant(configuration, session.refreshToken);
      keep(session, tokens);
      session.person = person(
        await openid.fetchUserInfo(configuration, tokens.access_token, session.person.id),
      );
    } catch (error) {
      if (error.error === "invalid_grant") return false;
      throw error;
    }
    return true;
  }

  /** Read what the service says of itself, until that has worked once. */
  #configuration() {
    this.#found ??= this.#discover().catch((error) => {
      this.#found = undefined;
      throw error;
    });
    return this.#found;
  }

  async #discover() {
    const { issuer, clientId, clientSecret } = this.#settings;
    const extensions = [openid.enableNonRepudiationChecks]; // signatures of ID tokens are verified
    if (!isSecure(issuer)) extensions.push(openid.allowInsecureRequests); // this machine alone
    return openid.discovery(
      new URL(issuer),
      clientId,
      { id_token_signed_response_alg: "RS256" },
      clientSecret ? openid.ClientSecretBasic(clientSecret) : openid.None(),
      { execute: extensions, timeout: ANSWERS_WITHIN_S },
    );
  }
}

function keep(session, tokens) {
  session.refreshToken = tokens.refresh_token ?? session.refreshToken;
  session.ends = Date.now() + ((tokens.expiresIn() ?? 0) - RENEWED_BEFORE_S) * 1000;
  return session;
}

function person(claims) {
  const roles = Array.isArray(claims.roles) ? claims.roles.map(String) : [];
  return { id: claims.sub, name: String(claims.name ?? claims.email ?? claims.sub), roles };
}
