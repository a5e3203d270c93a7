import type { MetadataRoute } from "next";

export const dynamic = "force-static";

export default function manifest(): MetadataRoute.Manifest {
  return {
    id: "/",
    name: "CAMEL Extensions",
    short_name: "CAMEL",
    description: "Teams of agents that measurably improve, on your own hardware.",
    start_url: "/",
    scope: "/",
    display: "standalone",
    background_color: "#f6f4f1",
    theme_color: "#f6f4f1",
    icons: [
      { src: "/icons/icon-192.png", sizes: "192x192", type: "image/png" },
      { src: "/icons/icon-512.png", sizes: "512x512", type: "image/png" },
      { src: "/icons/maskable-512.png", sizes: "512x512", type: "image/png", purpose: "maskable" },
    ],
    shortcuts: [
      { name: "Runs", url: "/workflows/" },
      { name: "Annotate", url: "/annotations/" },
    ],
  };
}
