// The HTTP client of Java as it is by itself: it asks for HTTP/2 in HTTP/1.1, and goes on in frames. Tells what a caller is shown.

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

public class JavaHttp2 {
    static final int LONG = 3 << 20;
    static final HttpClient CLIENT = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(30)).build();

    static void ask(String name, String method, String url, BodyPublisher body) throws Exception {
        System.out.println("== " + name);
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).method(method, body).timeout(Duration.ofSeconds(30)).build();
        HttpResponse<byte[]> answer = CLIENT.send(request, BodyHandlers.ofByteArray());
        System.out.println(answer.statusCode() + " " + answer.version());
        answer.headers().map().forEach((key, values) -> {
            if (!key.equals("date")) System.out.println("  " + key + ": " + values);
        });
        byte[] bytes = answer.body();
        String sum = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        System.out.println(bytes.length < 2000 ? new String(bytes, "ISO-8859-1") : bytes.length + " bytes " + sum);
    }

    public static void main(String[] args) throws Exception {
        String base = "http://" + args[0];
        byte[] pattern = new byte[LONG];
        for (int i = 0; i < LONG; i++) pattern[i] = (byte) ((i % 251 * 31 + 7) % 251);
        ask("asked", "GET", base + "/plain?1", BodyPublishers.noBody());
        ask("kept", "GET", base + "/plain?2", BodyPublishers.noBody());
        ask("upload", "PUT", base + "/up", BodyPublishers.ofByteArray(pattern));
        ask("down", "GET", base + "/down", BodyPublishers.noBody());
        System.exit(0);
    }
}
