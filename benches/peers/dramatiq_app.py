"""The empty task on Dramatiq: `dramatiq dramatiq_app`, and `python dramatiq_app.py WARM COUNT` enqueues (client.py).

Publisher confirms and messages that are acknowledged when done, as it does anyhow; no results. Its queues are classic: it
declares priorities on none and quorum nowhere.
"""

import os

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

import client
import done

broker = RabbitmqBroker(url=os.environ["PEER_AMQP"], confirm_delivery=True)
dramatiq.set_broker(broker)


@dramatiq.actor
def empty():
    done.tell()


if __name__ == "__main__":
    client.enqueue(empty.send)
