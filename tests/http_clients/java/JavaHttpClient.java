// The HTTP client of Java in the ways that it can be used, against the address that is given. Tells what a caller is shown.

import java.io.ByteArrayInputStream;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;

public class JavaHttpClient {
    static final int LONG = 3 << 20;
    static final byte[] PATTERN = pattern();
    static String base;

    interface Act {
        void run() throws Exception;
    }

    static byte[] pattern() {
        byte[] bytes = new byte[LONG];
        for (int i = 0; i < LONG; i++) bytes[i] = (byte) ((i % 251 * 31 + 7) % 251);
        return bytes;
    }

    static void scenario(String name, Act act) {
        System.out.println("== " + name);
        try {
            act.run();
        } catch (Exception error) {
            System.out.println("-- " + error.getClass().getName() + ": " + error.getMessage());
        }
    }

    static void ask(HttpClient client, String method, String url, BodyPublisher body, String... more) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url)).method(method, body).timeout(Duration.ofSeconds(30));
        for (String word : more) {
            if (word.equals("expects")) request.expectContinue(true);
            else request.header(word.split("=", 2)[0], word.split("=", 2)[1]);
        }
        HttpResponse<byte[]> answer = client.send(request.build(), BodyHandlers.ofByteArray());
        System.out.println(answer.statusCode() + " " + answer.version());
        answer.headers().map().forEach((name, values) -> System.out.println("  " + name + ": " + values));
        byte[] bytes = answer.body();
        String sum = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        System.out.println("  " + (bytes.length < 200 ? new String(bytes, "ISO-8859-1") : bytes.length + " bytes " + sum));
    }

    static HttpClient.Builder builder() {
        return HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(30));
    }

    public static void main(String[] args) {
        base = "http://" + args[0];
        HttpClient client = builder().followRedirects(HttpClient.Redirect.NORMAL).build();
        BodyPublisher none = BodyPublishers.noBody();
        scenario("kept alive", () -> {
            for (int n = 0; n < 3; n++) ask(client, "GET", base + "/plain?" + n, none);
        });
        scenario("odd", () -> ask(client, "GET", base + "/odd", none, "X-oDD=odd", "X-oDD=again"));
        scenario("head", () -> ask(client, "HEAD", base + "/head", none));
        scenario("none", () -> ask(client, "DELETE", base + "/none", none));
        scenario("same", () -> ask(client, "GET", base + "/same", none, "If-None-Match=\"v1\""));
        scenario("chunked", () -> ask(client, "GET", base + "/chunked", none));
        scenario("moved", () -> ask(client, "GET", base + "/moved", none));
        scenario("continue", () -> ask(client, "PUT", base + "/up", BodyPublishers.ofByteArray(PATTERN), "expects"));
        scenario("upload", () -> ask(client, "PUT", base + "/up", BodyPublishers.ofByteArray(PATTERN)));
        scenario("upload in chunks", () -> ask(client, "PUT", base + "/up", BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(PATTERN))));
        scenario("down", () -> ask(client, "GET", base + "/down", none));
        scenario("down in chunks", () -> ask(client, "GET", base + "/down-in-chunks", none));
        scenario("early", () -> ask(client, "PUT", base + "/early", BodyPublishers.ofByteArray(PATTERN)));
        scenario("cut", () -> ask(client, "GET", base + "/cut", none));
        // Of its own accord it asks for HTTP/2, and goes on without.
        scenario("would rather speak HTTP/2", () -> {
            HttpClient two = HttpClient.newBuilder().build();
            ask(two, "GET", base + "/plain?1", none);
            ask(two, "GET", base + "/plain?2", none);
        });
        scenario("absolute", () -> {
            String[] parts = args[0].split(":");
            ProxySelector proxy = ProxySelector.of(new InetSocketAddress(parts[0], Integer.parseInt(parts[1])));
            ask(builder().proxy(proxy).build(), "GET", "http://example.test/plain", none);
        });
        System.exit(0);
    }
}
