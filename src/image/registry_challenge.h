/* What a registry says about how to authenticate: the WWW-Authenticate header (RFC 9110, section 11.6.1) as Docker's token authentication uses it
 * (distribution/docs/spec/auth/token.md). Pure. */
#ifndef CARREL_IMAGE_REGISTRY_CHALLENGE_H
#define CARREL_IMAGE_REGISTRY_CHALLENGE_H

enum registry_scheme { REGISTRY_ANONYMOUS, REGISTRY_BASIC, REGISTRY_BEARER };

struct registry_challenge {
	enum registry_scheme scheme;
	char realm[1024]; /* of Bearer: where tokens come from, an absolute URL; "" else */
	char service[512];
	char error[64];   /* "insufficient_scope", "invalid_token"; "" */
	char other[32];   /* the first scheme that was offered and that we do not speak */
};

/* Read one header's value, which may hold several challenges, into `challenge`, which begins zeroed. Called for each such header: Bearer is better than Basic, the
 * first of a kind counts. What cannot be read (no realm, too long for its place, control characters) is passed over. */
void registry_challenge_parse(const char *value, struct registry_challenge *challenge);

#endif
