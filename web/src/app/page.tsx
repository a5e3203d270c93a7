import { PageHeader } from "@/kit/ui/Card";

export default function Page() {
  return <PageHeader title="Home" />;
}
