import { Home } from "@/rooms/home/Home";

export default function Page() {
  return <Home />;
}
