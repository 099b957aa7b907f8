import * as z from "zod/mini";
import english from "zod/v4/locales/en.js";

// `zod/mini` speaks no language by itself: every fault would be "Invalid input".
z.config(english());
