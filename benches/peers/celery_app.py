"""The empty task on Celery: `celery -A celery_app worker`, and `python celery_app.py WARM COUNT` enqueues (client.py).

Durable as RabbitMQ's quorum queues and publisher confirms are. `PEER_RESULTS` (user:password@host:port/database) is where
results are stored; without it none are. Otherwise as Celery's page "Optimizing" advises for short tasks: a high prefetch
multiplier; and its usual processes, one for each core: of 2, 4 and 8 on 2 cores, 2 were the fastest with results, and 4 by a
fifth without.
"""

import os

from celery import Celery

import client
import done

results = os.environ.get("PEER_RESULTS")
app = Celery("peer", broker=os.environ["PEER_AMQP"], backend=results and f"db+postgresql+psycopg2://{results}")
app.conf.update(
    task_ignore_result=not results,
    task_default_queue_type="quorum",
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
    task_acks_late=True,
    worker_prefetch_multiplier=128,
)


@app.task(name="empty")
def empty():
    done.tell()


if __name__ == "__main__":
    with app.producer_or_acquire() as producer:
        client.enqueue(lambda: empty.apply_async(producer=producer))
