/** The scopes asked for that are not held. `provisioning:admin` holds no agent scope by itself. */
export const missingScopes = <S extends string>(held: readonly S[], needed: readonly S[]): S[] =>
  needed.filter((scope) => !held.includes(scope));
