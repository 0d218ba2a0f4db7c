// The pages. Whatever comes from elsewhere is put in by `html`, which escapes it.

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escaped = (value) => String(value).replace(/[&<>"']/g, (one) => ENTITIES[one]);

class Markup extends String {}

function html(parts, ...values) {
  const shown = values.flat().map((one) => (one instanceof Markup ? one : escaped(one)));
  return new Markup(String.raw({ raw: parts }, ...shown));
}

function page(title, content) {
  return String(html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title></head>
<body><main><h1>${title}</h1>
${content}
</main></body>
</html>
`);
}

const button = (path, words) =>
  html`<form method="post" action="${path}"><button>${words}</button></form>`;

const SIGN_IN = html`<p><a href="/sign-in">Sign in</a></p>`;
const BACK = html`<p><a href="/">Back</a></p>`;

export const welcome = () => page("Example", SIGN_IN);

export function signedIn({ name, roles }) {
  return page(
    `Hello, ${name}`,
    html`<p>Your roles here: ${roles.join(", ") || "none"}</p>
<p><a href="/members">For members</a></p>
${button("/refresh", "Ask for my roles again")}
${button("/sign-out", "Sign out")}`,
  );
}

export const members = () => page("For members", BACK);
export const noMember = () => page("For members only", BACK);
export const failed = () => page("That did not work", SIGN_IN);
export const refused = () => page("This is not done here", BACK);
