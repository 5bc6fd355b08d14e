"""Serve a file of a message as a download that a browser never displays or runs."""

from typing import Final

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from conversations.services.attachments import File

ENDINGS: Final = {
    "image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp", "application/pdf": "pdf",
    "audio/ogg": "ogg", "audio/mpeg": "mp3", "audio/amr": "amr", "video/mp4": "mp4", "video/3gpp": "3gp",
    "text/plain": "txt", "text/csv": "csv", "text/vcard": "vcf", "text/x-vcard": "vcf",
}  # fmt: skip


def download(file: File) -> HttpResponse:
    """Return the file as a response that a browser saves."""
    name = " ".join("".join(sign if sign.isprintable() else " " for sign in file.filename).split())
    name = name or f"file.{ENDINGS.get(file.content_type, 'bin')}"
    answer = HttpResponse(file.content, content_type="application/octet-stream")
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
