"""Applications of the site as an attacker meets them: over HTTP, with throw-away people.

`http` is what goes over the wire, `connection` how it gets there, `people` who is signed in,
`ground` what a crawl has found, `attack` what an attack may use, `prove` the story.
"""
