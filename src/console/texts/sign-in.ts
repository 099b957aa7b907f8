export const signInTexts = {
  door: {
    title: "Sign in",
    token: "Gateway token",
    tokenHint: "OPENCLAW_GATEWAY_TOKEN of the deployment, or a JWT of your issuer.",
    key: "Provisioning key",
    keyHint: "Begins with ocp_. The admin token does too. Leave it empty to look only.",
    go: "Sign in",
    busy: "Signing in",
    noKey: "Look only",
    link: "On the machine of the deployment, this prints a link that signs you in:",
    command: "node dist/index.js provisioning console",
    dropped: "What you type is exchanged for a session of eight hours and not kept.",
    plain:
      "This page came over plain HTTP: whoever is on the network between can read what you type. Use HTTPS, or sign in on the machine itself.",
    ended: "The session has ended. Sign in again.",
    endedTyped: "The session has ended. Sign in again, as before, and what you have typed is still there.",
    untold:
      "The server could not be told of the sign-out: the session is open there until it ends by itself, or is ended on the Keys page.",
    holder: "I hold an agent's AI key",
    wrongLink: "The link opens the console no more.",
    unreachable: "The server cannot be asked now.",
  },
  holder: {
    title: "My AI key",
    hint: "See what your AI key has used and what is left. The key is sent to this server and kept nowhere.",
    key: "AI key",
    keyHint: "Begins with ocv_.",
    go: "Show",
    operator: "Sign in as an operator",
    total: "This month",
  },
};
