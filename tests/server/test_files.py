"""POST and GET /v1/files, and the links to bytes that they give."""

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from blueport.server.blobs import storage
from blueport.server.http import uploads
from tests.databases import Database
from tests.server.answers import assert_done, assert_refused
from tests.server.receiver import until
from tests.server.world import ADA, HOUR_MS, MINUTE_MS, Caller, Clock, Customer, Json, World

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100
CAF = b"caff\0\x01\0\0desc" + b"\0" * 100
DAY_MS = 24 * HOUR_MS
UNKNOWN = "file_00000000000000000000000000"


def fetched(world: World, url: str, **headers: str) -> httpx2.Response:
    """Follow a link as somebody without a key."""
    parts = urlsplit(url)
    return world.client.get(f"{parts.path}?{parts.query}", headers=headers)


def stored(world: World) -> list[Path]:
    """Return what lies on the disk, drafts included."""
    return [path for path in (world.database.folder / "files").rglob("*") if path.is_file()]


class TestUpload:
    def test_the_answer_is_the_file(self, alice: Customer) -> None:
        headers = {"Content-Type": "image/png", "X-Filename": "photo.png"}

        answer = alice.call("POST", "/v1/files", content=PNG, headers=headers)

        assert_done(answer, 201)
        file = answer.json()
        assert set(file) == {"id", "url", "filename", "mime_type", "size", "request_id"}
        assert file["id"].startswith("file_")
        assert (file["filename"], file["mime_type"], file["size"]) == ("photo.png", "image/png", len(PNG))
        assert fetched(alice.world, file["url"]).content == PNG

    def test_an_empty_body_is_refused(self, still: Customer) -> None:
        assert_refused(still.call("POST", "/v1/files", content=b""), 400, "empty_file")
        assert stored(still.world) == []

    def test_one_byte_is_a_file(self, alice: Customer) -> None:
        assert alice.uploads(b"\0")["size"] == 1

    def test_a_multipart_body_is_bytes_like_any_other(self, alice: Customer) -> None:
        body = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc\r\n--x--\r\n'

        file = alice.uploads(body, **{"Content-Type": "multipart/form-data; boundary=x"})

        assert (file["mime_type"], file["size"]) == ("multipart/form-data", len(body))

    def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(
        self, alice: Customer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # att-21, att-26
        assert uploads.FILE_LIMIT == 100 * 1024 * 1024
        monkeypatch.setattr(uploads.kept, "__defaults__", (1000,))

        said = alice.call("POST", "/v1/files", content=b"x" * 1001)
        counted = alice.call("POST", "/v1/files", content=iter([b"x" * 1000, b"x"]))

        assert_refused(said, 400, "file_too_large")
        assert_refused(counted, 400, "file_too_large")
        assert stored(alice.world) == []
        assert alice.uploads(b"x" * 1000)["size"] == 1000

    def test_key_and_scope_are_judged_before_the_body(self, alice: Customer) -> None:
        no_key = alice.world.client.post("/v1/files", content=b"")
        no_scope = alice.caller("files:read").call("POST", "/v1/files", content=b"")
        wrong_key = alice.world.client.post("/v1/files", content=b"", headers={"Authorization": "Bearer sk_live_x"})

        assert_refused(no_key, 401, "missing_api_key")
        assert_refused(no_scope, 403, "insufficient_scope")
        assert_refused(wrong_key, 401, "invalid_api_key")

    def test_a_key_that_is_revoked_while_the_body_comes_uploads_nothing(self, alice: Customer) -> None:
        def body() -> Json:
            yield b"first"
            alice.world.sql("UPDATE api_keys SET revoked_at = 1")
            yield b"last"

        answer = alice.call("POST", "/v1/files", content=body())

        assert_refused(answer, 401, "invalid_api_key")
        assert (stored(alice.world), alice.world.rows("files")) == ([], 0)

    def test_a_database_that_fails_is_a_503_and_no_file(self, alice: Customer) -> None:
        alice.world.sql("ALTER TABLE files RENAME TO lost")

        assert_refused(alice.call("POST", "/v1/files", content=b"x"), 503, "service_unavailable")

    def test_a_disk_that_fails_is_a_503_and_no_file(self, alice: Customer) -> None:
        drafts = alice.world.database.folder / "files/drafts"
        drafts.rmdir()

        assert_refused(alice.call("POST", "/v1/files", content=b"x"), 503, "service_unavailable")
        assert alice.world.rows("files") == 0
        drafts.mkdir()

    def test_a_disk_that_is_nearly_full_takes_no_file_and_all_else(
        self, alice: Customer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(storage, "RESERVED_BYTES", 2**62)

        assert_refused(alice.call("POST", "/v1/files", content=b"x"), 503, "service_unavailable")
        assert (stored(alice.world), alice.world.rows("files")) == ([], 0)
        alice.hears(ADA)
        alice.sends("Hello")


@pytest.mark.one_store("told by the bytes and the header alone")
class TestMediaType:
    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("image/png", "image/png"),
            ("IMAGE/PNG", "image/png"),
            ("text/vcard;charset=utf-8", "text/vcard"),
            ("text/plain ; charset=utf-8", "text/plain"),
            ("application/vnd.ms-excel.sheet.macroEnabled.12", "application/vnd.ms-excel.sheet.macroenabled.12"),
        ],
    )
    def test_it_is_kept_without_parameters(self, alice: Customer, given: str, kept: str) -> None:
        assert alice.uploads(b"anything", **{"Content-Type": given})["mime_type"] == kept

    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (PNG, "image/png"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"\0" * 50, "image/jpeg"),
            (HEIC, "image/heic"),
            (b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42" + b"\0" * 50, "audio/x-m4a"),
            (CAF, "audio/x-caf"),
            (b"%PDF-1.7\n", "application/pdf"),
            (b"nothing that is known", "application/octet-stream"),
            (b"\0", "application/octet-stream"),
        ],
    )
    def test_without_one_the_first_bytes_tell(self, alice: Customer, content: bytes, found: str) -> None:
        # att-22
        assert alice.uploads(content)["mime_type"] == found

    @pytest.mark.parametrize("malformed", ["", ";", "image", "image/", "a b/c", "image/png, text/html", "x" * 300])
    def test_one_that_is_none_is_as_good_as_absent(self, alice: Customer, malformed: str) -> None:
        assert alice.uploads(PNG, **{"Content-Type": malformed})["mime_type"] == "image/png"


class TestRepeating:
    def test_a_named_repetition_is_the_same_file_and_keeps_no_second_copy(self, alice: Customer) -> None:
        first = alice.call("POST", "/v1/files", content=PNG, headers={"Idempotency-Key": "a"})
        again = alice.call("POST", "/v1/files", content=PNG, headers={"Idempotency-Key": "a"})

        assert again.content == first.content
        assert again.headers["idempotent-replayed"] == "true"
        assert (len(stored(alice.world)), alice.world.rows("files")) == (1, 1)

    @pytest.mark.parametrize("other", [{"content": PNG + b"\0"}, {"content": PNG, "headers": {"X-Filename": "b.png"}}])
    def test_the_name_of_another_upload_is_refused(self, alice: Customer, other: Json) -> None:
        alice.call("POST", "/v1/files", content=PNG, headers={"Idempotency-Key": "a"})
        headers = {"Idempotency-Key": "a", **other.get("headers", {})}

        answer = alice.call("POST", "/v1/files", **(other | {"headers": headers}))

        assert_refused(answer, 400, "invalid_parameter_value", "Idempotency-Key")
        assert len(stored(alice.world)) == 1

    def test_equal_uploads_that_were_answered_are_two_files(self, alice: Customer) -> None:
        first = alice.uploads(PNG)
        until(lambda: alice.world.rows("unanswered") == 0)

        assert alice.uploads(PNG)["id"] != first["id"]

    def test_an_upload_whose_answer_never_left_is_answered_when_it_comes_again(self, database: Database) -> None:
        world = World(database, Clock())
        # As if the process died before it noted that its answer had left.
        with database.keeping_all("unanswered"), world.open():
            alice = world.customer("Alice", "+15550101000")
            first = alice.uploads(PNG)

        with world.open():
            assert alice.uploads(PNG)["id"] == first["id"]
            assert (len(stored(world)), world.rows("files")) == (1, 1)


class TestGet:
    def test_it_redirects_to_a_link_that_needs_no_key(self, alice: Customer) -> None:
        file = alice.uploads(PNG, **{"X-Filename": "photo.png"})

        answer = alice.call("GET", "/v1/files", params={"id": file["id"]}, follow_redirects=False)

        assert_done(answer, 302)
        assert answer.headers["location"].startswith("http://testserver/files/")
        assert fetched(alice.world, answer.headers["location"]).content == PNG
        assert answer.headers["referrer-policy"] == "no-referrer"
        body = answer.json()
        assert body["url"] == answer.headers["location"]
        assert {name: body[name] for name in ("id", "filename", "mime_type", "size")} == {
            name: file[name] for name in ("id", "filename", "mime_type", "size")
        }

    def test_a_link_begins_with_the_configured_url(self, database: Database) -> None:
        with World(database, Clock(), public_url="https://api.example.com/imessage/").open() as world:
            alice = world.customer("Alice", "+15550101000")

            url = alice.uploads(PNG)["url"]

        assert url.startswith("https://api.example.com/imessage/files/file_")

    @pytest.mark.one_store("no store is asked")
    @pytest.mark.parametrize("host", ["evil.com/x", "a b", "x@evil.com", "", "evil.com\\", "[::1", "a,b"])
    def test_what_is_no_host_is_not_repeated(self, alice: Customer, host: str) -> None:
        file = alice.uploads(PNG)

        answer = alice.call("GET", "/v1/files", {"Host": host}, params={"id": file["id"]}, follow_redirects=False)

        assert answer.headers["location"].startswith("http://127.0.0.1:8080/files/file_")

    def test_an_unknown_file_is_not_found(self, still: Customer) -> None:
        # srv-120
        assert_refused(still.get("/v1/files", {"id": UNKNOWN}), 404, "file_not_found", "id")

    def test_anothers_file_is_not_found(self, alice: Customer, bob: Customer) -> None:
        file = bob.uploads(PNG)

        assert_refused(alice.get("/v1/files", {"id": file["id"]}), 404, "file_not_found", "id")

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize("wrong", ["msg_1", "file", "", "../etc/passwd"])
    def test_what_is_no_id_of_a_file_is_refused(self, still: Customer, wrong: str) -> None:
        assert_refused(still.get("/v1/files", {"id": wrong}), 400, "invalid_parameter_value", "id")

    def test_the_id_is_required(self, still: Customer) -> None:
        assert_refused(still.get("/v1/files"), 400, "missing_required_parameter", "id")

    def test_the_scope_is_required(self, alice: Customer) -> None:
        file = alice.uploads(PNG)
        writer: Caller = alice.caller("files:write")

        assert_refused(writer.get("/v1/files", {"id": file["id"]}), 403, "insufficient_scope")


class TestLinks:
    def test_a_redirect_lasts_a_quarter_of_an_hour(self, alice: Customer) -> None:
        url = _redirect(alice, alice.uploads(PNG)["id"])

        alice.world.clock.ms += 15 * MINUTE_MS - 1
        assert fetched(alice.world, url).status_code == 200
        alice.world.clock.ms += 1
        assert_refused(fetched(alice.world, url), 404, "file_not_found")

    def test_the_link_of_an_upload_outlives_every_try_of_a_delivery(self, alice: Customer) -> None:
        # srv-027
        url = alice.uploads(PNG)["url"]

        alice.world.clock.ms += 7 * DAY_MS
        assert fetched(alice.world, url).status_code == 200
        alice.world.clock.ms += DAY_MS
        assert_refused(fetched(alice.world, url), 404, "file_not_found")

    def test_a_link_works_after_a_restart(self, database: Database) -> None:
        # srv-027
        clock = Clock()
        world = World(database, clock)
        with world.open():
            url = world.customer("Alice", "+15550101000").uploads(PNG)["url"]

        with world.open():
            assert fetched(world, url).content == PNG

    def test_what_is_wrong_with_a_link_is_not_told(self, alice: Customer) -> None:
        file, other = alice.uploads(PNG), alice.uploads(HEIC)
        path, _, query = file["url"].removeprefix("http://testserver").partition("?")
        expires, signature = (word.partition("=")[2] for word in query.split("&"))
        later = int(expires) + 1

        refusals = [
            alice.world.client.get(wrong)
            for wrong in (
                path,
                f"{path}?expires={expires}",
                f"{path}?expires={later}&signature={signature}",
                f"{path}?expires={expires}&signature={signature[:-1]}",
                f"{path}?expires={expires}&signature={'é' * 64}",
                f"{path}?expires=-1&signature={signature}",
                f"{path}?expires=1e99&signature={signature}",
                f"{path}?expires=²&signature={signature}",
                f"/files/{other['id']}?{query}",
                f"/files/{UNKNOWN}?{query}",
            )
        ]

        for refusal in refusals:
            assert_refused(refusal, 404, "file_not_found")
        assert len({refusal.json()["error"]["message"] for refusal in refusals}) == 1

    def test_a_key_in_the_query_opens_nothing(self, alice: Customer) -> None:
        # srv-122, srv-125
        file = alice.uploads(PNG)

        assert_refused(alice.world.client.get(f"/v1/files?id={file['id']}&key={alice.key}"), 401, "missing_api_key")
        assert_refused(alice.world.client.get(f"/files/{file['id']}?password={alice.key}"), 404, "file_not_found")


def _redirect(customer: Customer, file_id: str) -> str:
    return customer.call("GET", "/v1/files", params={"id": file_id}, follow_redirects=False).headers["location"]


class TestDownload:
    def test_what_a_browser_may_show_is_told_by_its_first_bytes(self, alice: Customer) -> None:
        # att-07, srv-120: what Apple makes goes through as it is
        for content, kind in ((PNG, "image/png"), (HEIC, "image/heic"), (CAF, "audio/x-caf")):
            file = alice.uploads(content, **{"Content-Type": "application/x-unknown", "X-Filename": "a.bin"})

            answer = fetched(alice.world, file["url"])

            assert answer.content == content
            assert answer.headers["content-type"] == kind
            assert answer.headers["content-disposition"].startswith("inline; ")

    @pytest.mark.one_store("told by the bytes and the header alone")
    @pytest.mark.parametrize(
        ("declared", "content"),
        [
            ("text/html", b"<!DOCTYPE html><script>alert(1)</script>"),
            ("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
            ("application/xml", b'<?xml version="1.0"?><x/>'),
            ("image/png", b"<!DOCTYPE html><script>alert(1)</script>"),
            ("text/vcard", b"BEGIN:VCARD\r\nVERSION:3.0\r\nEND:VCARD\r\n"),
            ("application/pdf", b"%PDF-1.7\n"),
        ],
    )
    def test_everything_else_is_saved_as_bytes(self, alice: Customer, declared: str, content: bytes) -> None:
        # att-25, srv-114, srv-115, srv-116
        file = alice.uploads(content, **{"Content-Type": declared})

        answer = fetched(alice.world, file["url"])

        assert answer.content == content
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")

    def test_it_has_no_power_over_this_origin(self, alice: Customer) -> None:
        answer = fetched(alice.world, alice.uploads(PNG)["url"])

        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers.get_list("cache-control") == ["private, max-age=3600"]
        assert answer.headers["etag"] == f'"{hashlib.sha256(PNG).hexdigest()}"'

    def test_a_head_has_the_headers_alone(self, alice: Customer) -> None:
        url = urlsplit(alice.uploads(PNG)["url"])

        answer = alice.world.client.head(f"{url.path}?{url.query}")

        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == str(len(PNG))

    @pytest.mark.parametrize("name", ["测试.png", '测试".apk', "a\\b", "100%.txt", "naïve file.txt", "plain.txt"])
    def test_any_name_gets_through_the_header(self, alice: Customer, name: str) -> None:
        # att-24
        alice.world.sql("UPDATE files SET filename = ?", name)
        file = alice.uploads(PNG)
        alice.world.sql("UPDATE files SET filename = ?", name)

        said = fetched(alice.world, file["url"]).headers["content-disposition"]

        plain, _, full = said.partition("; filename*=UTF-8''")
        assert plain.isascii()
        assert httpx2.URL(f"http://x/{full}").path == f"/{name}"
        assert plain.count('"') == 2
        assert "\\" not in plain


@pytest.mark.one_store("the bytes are in no database")
class TestRanges:
    @pytest.mark.parametrize(
        ("asked", "first", "last"),
        [
            ("bytes=0-0", 0, 0),
            ("bytes=2-5", 2, 5),
            ("bytes=90-", 90, 107),
            ("bytes=100-4000", 100, 107),
            ("bytes=-8", 100, 107),
            ("bytes=-4000", 0, 107),
            ("Bytes= 2-5", 2, 5),
        ],
    )
    def test_a_part_is_a_206(self, alice: Customer, asked: str, first: int, last: int) -> None:
        answer = fetched(alice.world, alice.uploads(PNG)["url"], Range=asked)

        assert answer.status_code == 206
        assert answer.content == PNG[first : last + 1]
        assert answer.headers["content-range"] == f"bytes {first}-{last}/108"
        assert answer.headers["accept-ranges"] == "bytes"

    @pytest.mark.parametrize("asked", ["bytes=108-", "bytes=4000-5000", "bytes=-0"])
    def test_a_part_that_is_not_there_is_a_416(self, alice: Customer, asked: str) -> None:
        answer = fetched(alice.world, alice.uploads(PNG)["url"], Range=asked)

        assert answer.headers["content-range"] == "bytes */108"
        assert_refused(answer, 416, "range_not_satisfiable")

    @pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "lines=0-1", "bytes=5-2", "bytes=-", "bytes=a-b", "0-1", ""])
    def test_what_is_not_one_range_gets_the_whole(self, alice: Customer, asked: str) -> None:
        answer = fetched(alice.world, alice.uploads(PNG)["url"], Range=asked)

        assert (answer.status_code, answer.content) == (200, PNG)

    def test_a_part_of_something_else_gets_the_whole(self, alice: Customer) -> None:
        url = alice.uploads(PNG)["url"]
        etag = fetched(alice.world, url).headers["etag"]

        same = fetched(alice.world, url, **{"Range": "bytes=0-1", "If-Range": etag})
        other = fetched(alice.world, url, **{"Range": "bytes=0-1", "If-Range": '"other"'})

        assert (same.status_code, same.content) == (206, PNG[:2])
        assert (other.status_code, other.content) == (200, PNG)


class TestDescription:
    def test_the_upload_takes_any_bytes_and_the_redirect_tells_where_to(self, world: World) -> None:
        paths = world.client.get("/openapi.json").json()["paths"]["/v1/files"]

        assert paths["post"]["requestBody"]["content"]["*/*"]["schema"]["format"] == "binary"
        assert {parameter["name"] for parameter in paths["post"]["parameters"]} >= {"X-Filename", "Idempotency-Key"}
        assert "Location" in paths["get"]["responses"]["302"]["headers"]
